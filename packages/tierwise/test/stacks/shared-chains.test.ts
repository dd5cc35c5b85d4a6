import { beforeEach, describe, expect, test } from 'vitest'

import type { Cache, EntryInfo } from '../../src/contract/cache.ts'
import { MovableClock, openInstance, ownPrefix, startChains } from './shared-chains.ts'
import type { Instance, InstanceOptions, SharedChain } from './shared-chains.ts'
import { until } from './loaded-application.ts'

const chains = await startChains()
const second = 1000

let prefix: string
beforeEach(() => void (prefix = ownPrefix()))

const open = (chain: SharedChain, options: Partial<InstanceOptions> = {}): Promise<Instance> =>
  openInstance(chain, { prefix, ...options })

/** What each tier alone answers. */
async function heldBy(chain: SharedChain, cache: Cache, key: string): Promise<readonly unknown[]> {
  return Promise.all(chain.names.map((name) => cache.get(key, { tiers: [name] })))
}

const same = (chain: SharedChain, value: unknown): readonly unknown[] => chain.names.map(() => value)

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const values: readonly unknown[] = [
  null,
  true,
  0,
  -0,
  NaN,
  Infinity,
  2 ** 53,
  -1.5,
  10n ** 30n,
  '',
  'grüße 🎈 \u0000',
  'x'.repeat(100_000),
  new Date(0),
  new Uint8Array([0, 255, 10, 13]),
  Buffer.from([0, 128]),
  new Float64Array([0.1, NaN]),
  [1, undefined, [null]],
  { a: { b: [] }, c: undefined },
  new Map<unknown, unknown>([[{ k: 1 }, new Set([1n])]]),
]

const answersAsOne = (chain: SharedChain): void => {
  test('answers the verbs of single keys', async () => {
    const { cache } = await open(chain)
    expect(await cache.get('a')).toBeUndefined()
    const { tiers } = await cache.set('a', 1, { ttl: '1m' })
    expect(tiers).toEqual(Object.fromEntries(chain.names.map((name) => [name, 'applied'])))
    expect(await heldBy(chain, cache, 'a')).toEqual(same(chain, 1))
    expect([await cache.has('a'), await cache.has('b')]).toEqual([true, false])
    expect(await cache.getOrSet('a', () => 2)).toBe(1)
    expect(await cache.getOrSet('b', () => 2)).toBe(2)
    // What was loaded is answered before it is stored everywhere.
    await until(async () => (await heldBy(chain, cache, 'b')).every((held) => held === 2), 'what was loaded')
    await cache.set('a', 3)
    expect(await heldBy(chain, cache, 'a')).toEqual(same(chain, 3))
    expect([await cache.delete('a'), await cache.delete('a')]).toEqual([true, false])
    expect(await heldBy(chain, cache, 'a')).toEqual(same(chain, undefined))
  })

  test('answers the verbs of many keys', async () => {
    const { cache } = await open(chain)
    const keys = Array.from({ length: 30 }, (_, index) => `many ${index}`)
    await cache.setMany(keys.map((key, index) => [key, index] as const))
    expect(await cache.getMany([...keys, 'none'])).toEqual(new Map(keys.map((key, index) => [key, index])))
    const asked: string[] = []
    const loaded = await cache.getOrSetMany(['many 1', 'new 1', 'new 2'], (missing) => {
      asked.push(...missing)
      return new Map(missing.map((key) => [key, key]))
    })
    expect(asked.toSorted()).toEqual(['new 1', 'new 2'])
    expect(Object.fromEntries(loaded)).toEqual({ 'many 1': 1, 'new 1': 'new 1', 'new 2': 'new 2' })
    expect((await allOf(cache.keys())).toSorted()).toEqual([...keys, 'new 1', 'new 2'].toSorted())
    expect((await allOf(cache.keys('new ?'))).toSorted()).toEqual(['new 1', 'new 2'])
    expect(await cache.deleteMany(['many 0', 'many 1', 'none'])).toBe(2)
    expect(await cache.invalidatePattern('many *')).toBe(28)
    for (const name of chain.names)
      expect((await cache.getMany([...keys, 'new 1'], { tiers: [name] })).size, name).toBe(1)
  })

  test('gives every value back from every tier as it was', async () => {
    const { cache } = await open(chain)
    for (const [index, value] of values.entries()) {
      await cache.set(`value ${index}`, value)
      for (const held of await heldBy(chain, cache, `value ${index}`)) {
        expect(held).toEqual(value)
        expect(Object.is(held, value) || typeof value === 'object').toBe(true)
        expect(Object.prototype.toString.call(held)).toBe(Object.prototype.toString.call(value))
      }
    }
  })

  test('ends a life after its ttl, lets a stale value stand in, and then forgets it', async () => {
    const { cache, later } = await open(chain, { namespace: { ttl: '10s', grace: '10s', graceBackoff: '1s' } })
    const failing = async (): Promise<never> => Promise.reject(new Error('the source is down'))
    await cache.set('a', 1)
    expect(await cache.ttl('a')).toBeGreaterThan(8 * second)
    await later(11 * second)
    expect(await heldBy(chain, cache, 'a')).toEqual(same(chain, undefined))
    expect(await cache.getEntry('a')).toMatchObject({ value: 1, stale: true })
    expect(await cache.getOrSet('a', failing)).toBe(1)
    await later(10 * second)
    expect(await cache.getEntry('a')).toBeUndefined()
    await expect(cache.getOrSet('a', failing)).rejects.toMatchObject({ code: 'ERR_CACHE_LOADER' })
    expect(await cache.getOrSet('a', () => 2)).toBe(2)
  })

  test('remembers for a while that the source has nothing', async () => {
    const { cache, later } = await open(chain, { namespace: { negativeTtl: '5s' } })
    let loads = 0
    const load = (): undefined => void loads++
    await cache.getOrSet('none', load)
    await cache.getOrSet('none', load)
    expect(loads).toBe(1)
    await later(6 * second)
    await cache.getOrSet('none', load)
    expect(loads).toBe(2)
  })

  test('copies upwards with the life that is left', async () => {
    const { cache, later } = await open(chain)
    const lowest = chain.names.at(-1)!
    await cache.set('a', 1, { ttl: '60s', tiers: [lowest] })
    const endsAt = (await cache.getEntry('a', { tiers: [lowest] }))!.expiresAt!.getTime()
    await later(20 * second)
    expect(await cache.get('a')).toBe(1)
    // What only this process holds does not go where others would read it.
    const isKept = chain.ownStores.includes(lowest)
    for (const name of isKept ? ['memory', lowest] : chain.names) {
      // A copy arrives in the background and may be refused, as after a new connection; then the next read makes one.
      let entry: EntryInfo<unknown> | undefined
      await until(async () => {
        await cache.get('a', { tiers: [name, lowest] })
        entry = await cache.getEntry('a', { tiers: [name] })
        return entry !== undefined
      }, `a copy in ${name}`)
      expect([entry?.value, entry?.expiresAt?.getTime()], name).toEqual([1, endsAt])
    }
    await later(41 * second)
    expect(await heldBy(chain, cache, 'a')).toEqual(same(chain, undefined))
  })

  test('prolongs and ends lives when asked to', async () => {
    const { cache, later } = await open(chain, { namespace: { ttl: '10s', grace: '1m' } })
    await cache.set('a', 1)
    expect(await cache.touch('a', '100s')).toBe(true)
    await later(50 * second)
    expect(await heldBy(chain, cache, 'a')).toEqual(same(chain, 1))
    expect(await cache.expire('a')).toBe(true)
    expect(await heldBy(chain, cache, 'a')).toEqual(same(chain, undefined))
    expect(await cache.getEntry('a')).toMatchObject({ value: 1, stale: true })
    expect(await cache.touch('a')).toBe(false)
  })

  test('forgets by tag and as a whole', async () => {
    const { cache } = await open(chain)
    await cache.set('a', 1, { tags: ['red', 'blue'] })
    await cache.set('b', 2, { tags: ['blue'] })
    await cache.set('c', 3)
    await cache.invalidateTags(['red'])
    expect(await heldBy(chain, cache, 'a')).toEqual(same(chain, undefined))
    expect(await heldBy(chain, cache, 'b')).toEqual(same(chain, 2))
    await cache.set('a', 4, { tags: ['red'] })
    expect(await heldBy(chain, cache, 'a')).toEqual(same(chain, 4))
    await cache.clear()
    for (const key of ['a', 'b', 'c']) expect(await heldBy(chain, cache, key)).toEqual(same(chain, undefined))
    await cache.set('d', 5)
    expect(await heldBy(chain, cache, 'd')).toEqual(same(chain, 5))
    await cache.clear({ hard: true })
    expect(await allOf(cache.keys())).toEqual([])
  })
}

const agreesWithOthers = (chain: SharedChain): void => {
  test('see what the other one wrote and removed, through the shared tiers', async () => {
    const one = await open(chain)
    const other = await open(chain, { withMemory: false })
    const { token } = await one.cache.set('a', 1)
    expect(await other.cache.get('a')).toBe(1)
    expect(await other.cache.get('a', { after: token })).toBe(1)
    await one.cache.delete('a')
    for (const name of chain.shared) expect(await other.cache.get('a', { tiers: [name] }), name).toBeUndefined()
    await other.cache.setMany([
      ['b', 2],
      ['c', 3],
    ])
    expect(Object.fromEntries(await one.cache.getMany(['b', 'c'], { tiers: chain.shared }))).toEqual({ b: 2, c: 3 })
    await other.cache.deleteMany(['b', 'c'])
    expect((await one.cache.getMany(['b', 'c'], { tiers: chain.shared })).size).toBe(0)
  })

  test('agree on the newest write although their clocks are seconds apart', async () => {
    const ahead = await open(chain, { clock: new MovableClock(5 * second) })
    const behind = await open(chain, { clock: new MovableClock(-5 * second), withMemory: false })
    const read = async (instance: Instance): Promise<readonly unknown[]> =>
      Promise.all(chain.shared.map((name) => instance.cache.get('a', { tiers: [name] })))
    const all = (value: unknown): readonly unknown[] => chain.shared.map(() => value)
    await ahead.cache.set('a', 'ahead')
    await behind.cache.set('a', 'behind')
    expect(await read(ahead)).toEqual(all('behind'))
    await ahead.cache.set('a', 'ahead again')
    expect(await read(behind)).toEqual(all('ahead again'))
    await behind.cache.delete('a')
    expect(await read(ahead)).toEqual(all(undefined))
    await ahead.cache.set('a', 'at last')
    expect(await read(behind)).toEqual(all('at last'))
  })

  test('start with what an earlier one left in the shared tiers', async () => {
    const earlier = await open(chain)
    await earlier.cache.set('a', 1, { tags: ['red'] })
    await earlier.cache.set('b', 2, { tags: ['blue'] })
    await earlier.cache.invalidateTags(['blue'])
    await earlier.manager.stop()
    const { cache } = await open(chain)
    expect(await cache.getOrSet('a', () => 'loaded')).toBe(1)
    expect(await cache.getOrSet('b', () => 'loaded')).toBe('loaded')
  })
}

for (const chain of chains) {
  describe(chain.name, () => answersAsOne(chain))
  if (chain.shared.length > 0) describe(`two instances over ${chain.name}`, () => agreesWithOthers(chain))
}

// The other instance asks for the tags once a second, so all chains wait together.
test('instances hear of tags and clears of each other, over every chain', async () => {
  await Promise.all(chains.filter(({ shared }) => shared.length > 0).map(hearsOfTags))
})

async function hearsOfTags(chain: SharedChain): Promise<void> {
  const shared = { prefix: ownPrefix(), withMemory: false }
  const one = await openInstance(chain, shared)
  const other = await openInstance(chain, shared)
  const sees = async (key: string): Promise<boolean> =>
    (await other.cache.get(key, { tiers: chain.shared })) !== undefined
  await one.cache.set('a', 1, { tags: ['red'] })
  expect(await sees('a'), chain.name).toBe(true)
  await one.cache.invalidateTags(['red'])
  await until(async () => !(await sees('a')), `the tag over ${chain.name}`)
  await one.cache.set('b', 2)
  await one.cache.clear()
  await until(async () => !(await sees('b')), `the clear over ${chain.name}`)
}
