import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { parseDuration, parseLifetime } from '../src/base/duration.ts'
import type { Duration, Lifetime } from '../src/contract/options.ts'
import { resolveNamespace } from '../src/core/namespace-policy.ts'
import { defaultLife } from '../src/core/policy.ts'
import type { CacheErrorCode } from '../src/errors.ts'
import { testCache } from '../src/testing/test-cache.ts'

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const page = (name: string): string => readFileSync(fromRoot(`docs/reference/${name}.md`), 'utf8')

/** The default column of one table of the options page, by option; `undefined` where nothing is the default. */
function documented(table: string): ReadonlyMap<string, string | undefined> {
  const [, section = ''] = page('options').split(`## ${table}\n`)
  const [rows = ''] = section.split('\n## ')
  const cells = [...rows.matchAll(/^\| `(\w+)` \| .+? \| ([^|]+) \| [^|]*\|$/gm)]
  return new Map(cells.map(([, name = '', value = '']) => [name, readDefault(value)]))
}

function readDefault(cell: string): string | undefined {
  return ['none', 'off', 'all', 'unlimited'].includes(cell) ? undefined : cell.replaceAll(/[`']/g, '')
}

const managerDefault = (name: string): string => documented('CacheManagerOptions').get(name) ?? ''
const guardDefault = (name: string): string => documented('GuardOptions').get(name) ?? ''

let stop = async (): Promise<void> => undefined
afterEach(() => stop())

describe('the reference pages', () => {
  test('say what the sources say', () => {
    const { status, stderr } = spawnSync(process.execPath, [fromRoot('scripts/reference.mjs'), '--check'], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })

  test('have a row for every error code', () => {
    const codes: Record<CacheErrorCode, true> = {
      ERR_CACHE_CONFIG: true,
      ERR_CACHE_OPTION: true,
      ERR_CACHE_PEER_MISSING: true,
      ERR_CACHE_NOT_INITIALIZED: true,
      ERR_CACHE_STOPPED: true,
      ERR_CACHE_KEY: true,
      ERR_CACHE_VALUE_UNDEFINED: true,
      ERR_CACHE_LICENSE: true,
      ERR_CACHE_POLICY: true,
      ERR_CACHE_UNAVAILABLE: true,
      ERR_CACHE_LOADER: true,
      ERR_CACHE_ABORTED: true,
      ERR_CACHE_LOADER_TIMEOUT: true,
      ERR_CACHE_TIER_TIMEOUT: true,
      ERR_CACHE_BARRIER: true,
      ERR_CACHE_TIER_BUSY: true,
      ERR_CACHE_TIER_READ: true,
      ERR_CACHE_TIER_WRITE: true,
      ERR_CACHE_TIER_OPEN: true,
      ERR_CACHE_VIEW_REFRESH: true,
      ERR_CACHE_TIER_CLOSED: true,
      ERR_CACHE_LOCK_LOST: true,
      ERR_CACHE_LOCK_TIMEOUT: true,
      ERR_CACHE_LIMIT_EXCEEDED: true,
      ERR_CACHE_ENCODE: true,
      ERR_CACHE_DECODE: true,
      ERR_CACHE_FORMAT_NEWER: true,
    }
    const rows = [...page('errors').matchAll(/^\| `(ERR_CACHE_\w+)` \| `\w+` \| \S.* \| \S.* \|$/gm)].map(
      ([, code]) => code,
    )
    expect(rows).toEqual(Object.keys(codes))
  })
})

describe('the documented defaults of a life', () => {
  const defaults = documented('LifeOptions')

  test('cover every option that has one', () => {
    const names = [...defaults.keys()].map((name) => (`${name}Ms` in defaultLife ? `${name}Ms` : name))
    expect(names.toSorted()).toEqual(Object.keys(defaultLife).toSorted())
  })

  test.each(Object.entries(defaultLife))('%s is the one in force', (name, inForce) => {
    const stated = defaults.get(name.replace(/Ms$/, ''))
    if (stated === undefined) expect([0, Infinity]).toContain(inForce)
    else if (name.endsWith('Ms')) expect(parseLifetime(stated as Lifetime)).toBe(inForce)
    else expect(stated).toBe(String(inForce))
  })
})

describe('the documented defaults of a namespace', () => {
  const policy = resolveNamespace('n', undefined, { defaults: undefined, tierNames: [] })

  test.each(['isolation', 'version'] as const)('%s is the one in force', (name) => {
    expect(documented('NamespaceOptions').get(name)).toBe(policy[name])
  })

  test('tiers has none', () => {
    expect(documented('Rules').has('tiers')).toBe(true)
    expect(documented('Rules').get('tiers')).toBeUndefined()
    expect(policy.tiers).toBeUndefined()
  })

  test.each(['schema', 'maxBytes', 'maxEntries', 'reservedBytes'] as const)('%s has none', (name) => {
    expect(documented('NamespaceOptions').has(name)).toBe(true)
    expect(documented('NamespaceOptions').get(name)).toBeUndefined()
    expect(policy[name]).toBeUndefined()
  })
})

describe('the documented defaults of a manager', () => {
  test('hold for the prefix of storage keys', async () => {
    const { cache, faults, stop: end } = testCache().faulty('store').build()
    stop = end
    await cache.set('k', 1)
    expect(faults.store.callsOf('set')[0]?.keys).toEqual([`${managerDefault('prefix')}:1:test:k`])
  })

  test('hold for the deadline of a tier', async () => {
    const { cache, manager, faults, runtime, stop: end } = testCache().faulty('store').build()
    stop = end
    const errors: unknown[] = []
    manager.on('tier-error', ({ error }) => errors.push(error))
    await cache.get('opens the tier')
    faults.store.hang('get')
    const answer = cache.get('k')
    const deadline = parseDuration(guardDefault('tierTimeout') as Duration) ?? 0
    await runtime.advance(deadline - 1)
    expect(errors).toEqual([])
    await runtime.advance(1)
    expect(await answer).toBeUndefined()
    expect(errors).toMatchObject([{ code: 'ERR_CACHE_TIER_TIMEOUT' }])
  })

  test('hold for the breaker', async () => {
    const { cache, manager, faults, runtime, stop: end } = testCache().faulty('store').build()
    stop = end
    const states: string[] = []
    manager.on('breaker', ({ state }) => states.push(state))
    faults.store.fail('get')
    const defaults = documented('BreakerOptions')
    for (let failure = 1; failure < Number(defaults.get('failures')); failure++) await cache.get('k')
    expect(states).toEqual([])
    await cache.get('k')
    expect(states).toEqual(['open'])
    await runtime.advance((parseDuration(defaults.get('openFor') as Duration) ?? 0) / 10 - 1)
    await cache.get('k')
    expect(states).toEqual(['open'])
    await runtime.advance(1)
    await cache.get('k')
    expect(states).toContain('half-open')
  })

  test('hold for the number of refreshes', async () => {
    const {
      cache,
      manager,
      runtime,
      stop: end,
    } = testCache().memory().defaults({ ttl: '10s', refreshAhead: 0.5 }).build()
    const outcomes: string[] = []
    manager.on('refresh', ({ outcome }) => outcomes.push(outcome))
    const most = Number(managerDefault('maxRefreshes'))
    const keys = Array.from({ length: most + 1 }, (_, index) => `k${index}`)
    await cache.setMany(keys.map((key) => [key, 1] as const))
    await runtime.advance(6000)
    let finish = (): void => undefined
    const finished = new Promise<number>((resolve) => (finish = () => resolve(2)))
    for (const key of keys) await cache.getOrSet(key, () => finished)
    expect(outcomes.filter((outcome) => outcome === 'started')).toHaveLength(most)
    expect(outcomes.at(-1)).toBe('dropped')
    finish()
    await runtime.settle()
    stop = end
  })

  test('hold for the number of pending writes', async () => {
    const { cache, faults, runtime, stop: end } = testCache().memory().faulty('store').build()
    stop = end
    await cache.get('opens the tier')
    faults.store.delay('set', 1)
    const most = Number(managerDefault('maxPendingWrites').replaceAll('_', ''))
    const entries = Array.from({ length: most + 1 }, (_, index) => [`k${index}`, 1] as const)
    const results = await runtime.until(cache.setMany(entries, { writeMode: 'behind' }))
    const states = [...results.values()].map(({ tiers }) => tiers['store'])
    expect(states.filter((state) => state === 'pending')).toHaveLength(most)
    expect(states.filter((state) => state === 'applied')).toHaveLength(1)
  })

  test('hold for names that are not listed', () => {
    expect(managerDefault('strictNamespaces')).toBe('false')
    const { manager } = testCache().namespace('listed').build()
    expect(manager.namespace('other').name).toBe('other')
  })
})
