import { describe, expect, test } from 'vitest'

import type { Analytics, NamespaceStats } from '../../../src/contract/analytics.ts'
import type { Cache } from '../../../src/contract/cache.ts'
import { seededRandom } from '../../../src/testing/index.ts'
import type { SeededRandom } from '../../../src/testing/index.ts'
import { stackOpener, stacks } from '../../stacks.ts'
import type { OpenStack } from '../../stacks.ts'

const open = stackOpener()
const runs = Number(process.env['BALANCE_RUNS'] ?? 3)
const firstSeed = Number(process.env['SEED'] ?? 1)
const steps = 400

/** What the test itself has counted. */
interface Ledger {
  gets: number
  /** Reads that brought a value. */
  found: number
  loads: number
  loadFailures: number
  sets: number
  /** Calls that look for a key and are no reads. */
  looks: number
}

interface Work {
  readonly cache: Cache
  readonly ledger: Ledger
  readonly random: SeededRandom
}

type Act = (work: Work) => Promise<unknown>

const keyOf = (random: SeededRandom): string => `key-${random.int(24)}`

function loader({ ledger, random }: Work): () => Promise<string | undefined> {
  const fate = random.int(6)
  return async () => {
    ledger.loads++
    if (fate === 0) {
      ledger.loadFailures++
      throw new Error('the source is down')
    }
    return fate === 1 ? undefined : 'loaded'
  }
}

async function load(work: Work, wait: Promise<unknown>): Promise<void> {
  work.ledger.gets++
  const value = await wait.catch(() => undefined)
  if (value !== undefined && value !== 'loaded anew') work.ledger.found++
}

const acts: readonly Act[] = [
  async ({ cache, ledger, random }) => {
    ledger.gets++
    if ((await cache.get(keyOf(random))) !== undefined) ledger.found++
  },
  async ({ cache, ledger, random }) => {
    const keys = [...new Set([keyOf(random), keyOf(random), keyOf(random)])]
    ledger.gets += keys.length
    ledger.found += (await cache.getMany(keys)).size
  },
  async (work) => {
    await load(work, work.cache.getOrSet(keyOf(work.random), loader(work)))
  },
  async (work) => {
    const key = keyOf(work.random)
    const run = loader(work)
    await Promise.all([load(work, work.cache.getOrSet(key, run)), load(work, work.cache.getOrSet(key, run))])
  },
  async (work) => {
    const { cache, ledger, random } = work
    const keys = [...new Set([keyOf(random), keyOf(random), keyOf(random)])]
    ledger.gets += keys.length
    const isDown = random.int(4) === 0
    const loading = cache.getOrSetMany(keys, (missing) => {
      ledger.loads += missing.length
      if (!isDown) return new Map(missing.map((key) => [key, 'of a batch']))
      ledger.loadFailures += missing.length
      throw new Error('the source is down')
    })
    await loading.catch(() => undefined)
  },
  async ({ cache, ledger, random }) => {
    ledger.sets++
    await cache.set(keyOf(random), 'set', { ttl: 1 + random.int(20_000) })
  },
  async ({ cache, random }) => cache.delete(keyOf(random)),
  async ({ cache, ledger, random }) => {
    ledger.looks++
    await cache.expire(keyOf(random))
  },
  async ({ cache }) => cache.invalidateTags(['tag']),
]

async function play(stack: OpenStack, seed: number): Promise<Ledger> {
  const random = seededRandom(seed)
  const ledger: Ledger = { gets: 0, found: 0, loads: 0, loadFailures: 0, sets: 0, looks: 0 }
  for (let step = 0; step < steps; step++) {
    const act = acts[random.int(acts.length)]!
    await stack.runtime.until(act({ cache: stack.cache, ledger, random }))
    if (random.int(8) === 0) await stack.runtime.advance(random.int(5000))
  }
  await stack.runtime.settle()
  return ledger
}

function expectBalance({ overall, tiers }: Analytics, ledger: Ledger): void {
  expect(overall.gets).toBe(ledger.gets)
  expect(overall.gets).toBe(overall.hits + overall.staleHits + overall.misses)
  expect(overall.loads).toBe(ledger.loads)
  expect(overall.loadFailures).toBe(ledger.loadFailures)
  expect(overall.sets).toBe(ledger.sets)
  expect(overall.hits).toBe(Object.values(overall.hitsByTier).reduce((sum, hits) => sum + hits, 0))
  for (const { lookups, hits, staleHits, misses } of Object.values(tiers))
    expect(lookups).toBe(hits + staleHits + misses)
}

/** Memory is asked by every read, and each tier below for what those above had not. */
function expectFunnel(
  { gets, staleHits, hitsByTier, lookups }: NamespaceStats,
  { names, looks }: { readonly names: readonly string[]; readonly looks: number },
): void {
  if (names.join() === 'memory') expect(lookups['memory']?.staleHits).toBe(staleHits)
  if (names[0] === 'memory') expect(lookups['memory']).toMatchObject({ lookups: gets, hits: hitsByTier['memory'] ?? 0 })
  for (const [at, name] of names.entries()) {
    const above = names[at - 1]
    const asked = lookups[name]
    // Callers that ask together are asked for once.
    if (asked === undefined) continue
    if (above === undefined || above === 'memory') expect(asked.lookups).toBeLessThanOrEqual(gets + looks)
    else expect(asked.lookups).toBe((lookups[above]?.staleHits ?? 0) + (lookups[above]?.misses ?? 0))
  }
}

describe.each(stacks.map(({ name }) => name))('over %s the counters balance', (name) => {
  test.each(Array.from({ length: runs }, (_, at) => firstSeed + at))('after random work, seed %i', async (seed) => {
    const stack = open(name, { namespace: { ttl: '10s', grace: '30s', tags: ['tag'] }, memoryEntries: 8 })
    const ledger = await play(stack, seed)
    const analytics = stack.manager.analytics()
    expectBalance(analytics, ledger)
    expectFunnel(analytics.overall, { names: stack.names, looks: ledger.looks })
    const { evictions, entries } = analytics.tiers['memory'] ?? {}
    if (evictions !== undefined && seed === firstSeed) expect(evictions.capacity).toBeGreaterThan(0)
    if (entries !== undefined) expect(entries).toBeLessThanOrEqual(8)
  })
})

test('what was copied up and given up is what memory holds', async () => {
  const stack = open('L1+L2 plain', { memoryEntries: 8 })
  const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`)
  for (const key of keys) await stack.runtime.until(stack.cache.set(key, key, { tiers: ['second'] }))
  const random = seededRandom(firstSeed)
  for (let step = 0; step < 500; step++) await stack.runtime.until(stack.cache.get(keys[random.int(100)]!))
  // Evictions are told once a second.
  await stack.runtime.advance(2000)
  const { overall, tiers } = stack.manager.analytics()
  const { evictions, entries } = tiers['memory']!
  expect(entries).toBe(8)
  expect(overall.promotions - evictions.capacity - evictions.quota).toBe(entries)
  expect(overall.promotions).toBe(overall.hitsByTier['second'])
  expect(overall.evictions).toBe(evictions.capacity + evictions.quota + evictions.expired)
})
