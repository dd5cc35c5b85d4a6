import { describe, expect, it } from 'vitest'

import type { Decode, Tier, TierContext, TierDefinition, TierRecord } from '../../src/contract/tier.ts'
import { mapTier, type MapTierOptions } from '../../src/testing/map-tier.ts'
import { tierConformance } from '../../src/testing/tier-conformance.ts'
import { CollectingRunner } from './collecting-runner.ts'

type Mutation = (tier: Tier, context: TierContext) => Partial<Tier>

/** Ways in which tiers of real caches have been wrong, and the chapter that has to notice. */
const mutations: readonly (readonly [defect: string, chapter: string, mutate: Mutation, options?: MapTierOptions])[] = [
  ['answers a batch in sorted order', 'batches', (tier) => ({ get: (keys, decode) => tier.get(keys.toSorted(), decode) })],
  ['answers a repeated key once', 'batches', (tier) => ({ get: (keys, decode) => tier.get([...new Set(keys)], decode) })],
  ['leaves out what is absent', 'batches', (tier) => ({
    get: async (keys, decode) => (await tier.get(keys, decode)).filter((result) => result !== undefined),
  })],
  ['gives decode a running number', 'batches', (tier) => ({
    get: (keys, decode) => {
      let index = 0
      return tier.get(keys, (bytes) => decode(bytes, index++))
    },
  })],
  ['fails on an empty batch', 'batches', (tier) => ({
    get: async (keys, decode) => {
      if (keys.length === 0) throw new Error('ERR wrong number of arguments')
      return tier.get(keys, decode)
    },
  })],
  ['keeps the first of two records for a key', 'batches', (tier) => ({ set: (records) => setDeduplicated(tier, records) })],
  ['keeps the buffer it is given', 'values', keepBuffers],
  ['stores the buffer around a view', 'values', (tier) => ({
    set: (records) => tier.set(records.map((record) => ({ ...record, bytes: new Uint8Array(record.bytes.buffer as ArrayBuffer) }))),
  })],
  ['cuts large records', 'values', (tier) => ({
    set: (records) => tier.set(records.map((record) => ({ ...record, bytes: record.bytes.subarray(0, 2 ** 19) }))),
  })],
  ['stores text', 'values', (tier) => ({
    set: (records) => tier.set(records.map((record) => ({ ...record, bytes: Buffer.from(Buffer.from(record.bytes).toString()) }))),
  })],
  ['takes a falsy result as absent', 'values', (tier) => ({
    get: async (keys, decode) => (await tier.get(keys, decode)).map((result) => result || undefined),
  })],
  ['deletes what decode cannot use', 'values', (tier) => ({
    get: async (keys, decode) => {
      const results = await tier.get(keys, decode)
      await tier.delete(keys.filter((_, index) => results[index] === undefined), 0)
      return results
    },
  }), { capabilities: { versions: false } }],
  ['ignores the expiry', 'expiry', (tier) => ({ set: (records) => setAll(tier, records, { expiresAt: () => Infinity }) })],
  ['rounds the expiry to seconds', 'expiry', (tier) => ({
    set: (records) => setAll(tier, records, { expiresAt: ({ expiresAt }) => Math.ceil((expiresAt + 1) / 1000) * 1000 }),
  })],
  ['expires a millisecond late', 'expiry', (tier) => ({ set: (records) => setAll(tier, records, { expiresAt: ({ expiresAt }) => expiresAt + 1 }) })],
  ['keeps the life in 31 bits', 'expiry', (tier, { clock }) => ({
    set: (records) => setAll(tier, records, {
      expiresAt: ({ expiresAt }) => (expiresAt === Infinity ? Infinity : clock.now() + ((expiresAt - clock.now()) | 0)),
    }),
  })],
  ['does not write what has expired', 'expiry', (tier, { clock }) => ({
    set: async (records) => {
      await tier.set(records.filter((record) => record.expiresAt > clock.now()))
      return records.map(() => 'applied' as const)
    },
  })],
  ['lets a record without end expire at once', 'expiry', (tier) => ({
    set: (records) => setAll(tier, records, { expiresAt: ({ expiresAt }) => (Number.isFinite(expiresAt) ? expiresAt : 0) }),
  })],
  ['refuses instants between milliseconds', 'expiry', (tier) => ({
    set: async (records) => {
      if (records.some(({ expiresAt }) => expiresAt % 1 > 0)) throw new Error('ERR value is not an integer')
      return tier.set(records)
    },
  })],
  ['lets a late write bring back what was deleted', 'versions', (tier) => ({
    set: (records) => setAll(tier, records, { version: ({ version }) => version + 10 }),
  })],
  ['forgets deletions of keys it does not hold', 'versions', (tier) => ({
    delete: async (keys, version) => {
      const results: boolean[] = []
      for (const key of keys) {
        const [held] = await tier.get([key], () => true)
        results.push(held ? ((await tier.delete([key], version))[0] ?? false) : false)
      }
      return results
    },
  })],
  ['ignores ifNotAfter', 'versions', (tier) => ({ set: (records) => setAll(tier, records, { ifNotAfter: ({ version }) => version }) })],
  ['compares ifNotAfter alone', 'versions', (tier) => ({
    set: (records) => setAll(tier, records, { ifNotAfter: ({ version, ifNotAfter = version }) => ifNotAfter - 1 }),
  })],
  ['deletes whatever the version', 'versions', (tier) => ({ delete: (keys) => tier.delete(keys, Number.MAX_SAFE_INTEGER - 1) })],
  ['clears whatever the version', 'versions', (tier) => ({ clear: (prefix) => tier.clear(prefix, Number.MAX_SAFE_INTEGER) })],
  ['compares versions in 32 bits', 'versions', (tier) => ({ set: (records) => setAll(tier, records, { version: ({ version }) => version % 2 ** 32 }) })],
  ['honours versions it does not declare', 'versions', (tier) => ({ capabilities: { ...tier.capabilities, versions: false } })],
  ['takes the last write though it declares versions', 'concurrency', (tier) => ({
    capabilities: { ...tier.capabilities, versions: true },
  }), { capabilities: { versions: false } }],
  ['scans a prefix off by one', 'scan', (tier) => ({ scan: (prefix, decode) => tier.scan(prefix.slice(0, -1), decode) })],
  ['reads a prefix as a pattern', 'scan', (tier) => ({ scan: (prefix, decode) => scanPattern(tier, prefix, decode) })],
  ['visits a page twice', 'scan', (tier) => ({
    async *scan(prefix, decode) {
      let visited = 0
      for await (const found of tier.scan(prefix, decode)) {
        yield found
        if (++visited === 100) yield found
      }
    },
  })],
  ['stops a scan after a thousand', 'scan', (tier) => ({
    async *scan(prefix, decode) {
      let left = 1000
      for await (const found of tier.scan(prefix, decode)) if (left-- > 0) yield found
    },
  })],
  ['removes what a scan passes', 'scan', (tier) => ({
    scan: (prefix, decode) => scanWithRemoval(tier, prefix, decode),
  }), { capabilities: { versions: false } }],
  ['throws from scan instead of rejecting', 'scan', () => ({
    scan: () => {
      throw new Error('not supported')
    },
  }), { capabilities: { scan: false } }],
  ['scans nothing when it cannot scan', 'scan', () => ({ async *scan() {} }), { capabilities: { scan: false } }],
  ['clears a prefix off by one', 'clear', (tier) => ({ clear: (prefix, version) => tier.clear(prefix.slice(0, -1), version) })],
  ['clears everything', 'clear', (tier) => ({ clear: (_, version) => tier.clear('', version) })],
  ['clears nothing', 'clear', () => ({ clear: async () => {} })],
  ['trims keys', 'keys', (tier) => mapKeys(tier, (key) => key.trim())],
  ['folds the case of keys', 'keys', (tier) => mapKeys(tier, (key) => key.toLowerCase())],
  ['normalizes keys', 'keys', (tier) => mapKeys(tier, (key) => key.normalize())],
  ['cuts keys', 'keys', (tier) => mapKeys(tier, (key) => key.slice(0, 1000))],
  ['ends keys at NUL', 'keys', (tier) => mapKeys(tier, (key) => key.split('\0')[0] as string)],
  ['drops an empty key part', 'keys', (tier) => mapKeys(tier, (key) => key.replace('::', ':'))],
  ['looks keys up in a plain object', 'keys', (tier) => ({
    get: async (keys, decode) => {
      const results = await tier.get(keys, decode)
      return results.map((result, index) => result ?? ({} as Record<string, undefined>)[keys[index] as string])
    },
  })],
  ['says that everything was held', 'basic operations', (tier) => ({
    delete: async (keys, version) => (await tier.delete(keys, version)).map(() => true),
  })],
  ['counts no entries', 'basic operations', (tier) => ({ usage: async () => ({ ...(await tier.usage()), entries: 0 }) })],
  ['tells no bytes', 'basic operations', (tier) => ({ usage: async () => ({ ...(await tier.usage()), bytes: undefined }) })],
  ['mixes up parallel reads', 'concurrency', mixUpReads],
  ['loses marks that are raised at once', 'tags', losesMarks],
  ['lowers the clock of tags', 'tags', (tier) => ({
    tags: { load: () => tier.tags!.load(), invalidate: async (tags, atLeast) => atLeast || tier.tags!.invalidate(tags, 0) },
  })],
  ['offers tags that it does not declare', 'tags', (tier) => ({ capabilities: { ...tier.capabilities, tags: false } })],
  ['answers after it was closed', 'closing', (tier) => ({ close: async () => {} })],
  ['returns nothing after it was closed', 'closing', (tier) => ({
    get: (keys, decode) => tier.get(keys, decode).catch(() => keys.map(() => undefined)),
  })],
  ['fails to close twice', 'closing', closesOnce],
  ['leaves a timer', 'closing', (tier, { timers }) => {
    timers.every(1000, () => {})
    return { close: () => tier.close() }
  }],
  ['forgets its entries at a restart', 'sharing and durability', (tier) => ({
    capabilities: { ...tier.capabilities, durable: true },
  }), { capabilities: { shared: false, durable: false } }],
  ['starts its versions anew', 'sharing and durability', (tier) => ({ open: async () => ({ ...(await tier.open()), highestVersion: 1 }) })],
]

describe('tierConformance', () => {
  it('has tests with names of their own', () => {
    const { names } = collect(mapTier)
    expect(names.length).toBeGreaterThan(70)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it('finds nothing wrong with a decorated tier that is correct', async () => {
    expect(await failuresOf(() => ({}))).toEqual([])
  })

  for (const [defect, chapter, mutate, options] of mutations) {
    it(`catches a tier that ${defect}`, async () => {
      expect(await failuresOf(mutate, options, chapter)).not.toEqual([])
    })
  }
})

function collect(definition: () => TierDefinition): CollectingRunner {
  const runner = new CollectingRunner()
  tierConformance({ name: 'broken', definition, runner })
  return runner
}

function failuresOf(mutate: Mutation, options: MapTierOptions = {}, chapter = ''): Promise<readonly string[]> {
  return collect(() => mutated(mapTier(options), mutate)).failures(chapter)
}

function mutated(definition: TierDefinition, mutate: Mutation): TierDefinition {
  return {
    ...definition,
    create: (context) => {
      const tier = definition.create(context) as Tier
      const whole: Tier = {
        sync: false,
        capabilities: tier.capabilities,
        ...(tier.tags && { tags: tier.tags }),
        open: () => tier.open(),
        close: () => tier.close(),
        get: (keys, decode) => tier.get(keys, decode),
        set: (records) => tier.set(records),
        delete: (keys, version) => tier.delete(keys, version),
        scan: (prefix, decode) => tier.scan(prefix, decode),
        clear: (prefix, version) => tier.clear(prefix, version),
        usage: () => tier.usage(),
      }
      return { ...whole, ...mutate(whole, context) }
    },
  }
}

type FieldChanges = { readonly [Field in 'expiresAt' | 'version' | 'ifNotAfter']?: (record: TierRecord) => number }

function setAll(tier: Tier, records: readonly TierRecord[], changes: FieldChanges): ReturnType<Tier['set']> {
  return tier.set(
    records.map((record) => {
      const changed = Object.entries(changes).map(([field, change]) => [field, change(record)] as const)
      return { ...record, ...Object.fromEntries(changed) }
    }),
  )
}

async function setDeduplicated(tier: Tier, records: readonly TierRecord[]): ReturnType<Tier['set']> {
  const firsts = records.filter(({ key }, index) => records.findIndex((other) => other.key === key) === index)
  await tier.set(firsts)
  return records.map(() => 'applied' as const)
}

function keepBuffers(tier: Tier): Partial<Tier> {
  const buffers = new Map<string, Uint8Array>()
  return {
    set: (records) => {
      for (const { key, bytes } of records) buffers.set(key, bytes)
      return tier.set(records)
    },
    get: (keys, decode) => tier.get(keys, (_, index) => decode(buffers.get(keys[index] as string) as Uint8Array, index)),
  }
}

function scanPattern<T>(tier: Tier, prefix: string, decode: Decode<T>): AsyncIterable<T> {
  const pattern = new RegExp(`^${prefix.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}`)
  return tier.scan('', (bytes, index) => {
    const [key] = JSON.parse(Buffer.from(bytes).toString()) as [string]
    return pattern.test(key) ? decode(bytes, index) : undefined
  })
}

async function* scanWithRemoval<T>(tier: Tier, prefix: string, decode: Decode<T>): AsyncIterable<T> {
  yield* tier.scan(prefix, decode)
  await tier.clear(prefix, Number.MAX_SAFE_INTEGER)
}

function mapKeys(tier: Tier, change: (key: string) => string): Partial<Tier> {
  return {
    get: (keys, decode) => tier.get(keys.map(change), decode),
    set: (records) => tier.set(records.map((record) => ({ ...record, key: change(record.key) }))),
    delete: (keys, version) => tier.delete(keys.map(change), version),
  }
}

/** A batcher that hands the first reply to everybody who asks within a turn. */
function mixUpReads(tier: Tier): Partial<Tier> {
  let turn: readonly string[] | undefined
  return {
    get: async (keys, decode) => {
      turn ??= keys
      const first = turn
      await null
      turn = undefined
      return tier.get(keys.length === first.length ? first : keys, decode)
    },
  }
}

function losesMarks(tier: Tier): Partial<Tier> {
  return {
    tags: {
      load: () => tier.tags!.load(),
      invalidate: async (tags, atLeast) => {
        const { clock } = await tier.tags!.load()
        await tier.tags!.invalidate(tags, atLeast)
        return Math.max(clock + 1, atLeast)
      },
    },
  }
}

function closesOnce(tier: Tier): Partial<Tier> {
  let isClosed = false
  return {
    close: async () => {
      if (isClosed) throw new Error('The connection is closed')
      isClosed = true
      await tier.close()
    },
  }
}
