import { afterEach, describe, expect, test } from 'vitest'

import type { Cache, CacheManager } from '../../src/contract/cache.ts'
import type { CacheEvent } from '../../src/contract/events.ts'
import type { CacheManagerOptions, NamespaceOptions } from '../../src/contract/options.ts'
import type { RawRecord } from '../../src/contract/tier.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { fakeRuntime, faultPlan, faultTier, mapTier } from '../../src/testing/index.ts'
import type { FakeRuntime, FaultPlan } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'

interface Shared {
  readonly manager: CacheManager
  readonly cache: Cache
  readonly runtime: FakeRuntime
  readonly faults: FaultPlan
  /** The store, as other code sees it. */
  readonly plain: Map<string, RawRecord>
  write(key: string, text: string, expiresAt?: number): void
  read(key: string): string | undefined
}

const opened: Shared[] = []
afterEach(async () => {
  for (const { manager, runtime, faults } of opened.splice(0)) {
    faults.clear()
    await runtime.until(manager.stop())
    expect(runtime.pendingTimers).toEqual([])
  }
})

function open(namespace: NamespaceOptions = {}, options: Partial<CacheManagerOptions> = {}): Shared {
  const runtime = fakeRuntime()
  const faults = faultPlan()
  const plain = new Map<string, RawRecord>()
  const manager = createCacheManager({
    tiers: [
      memory(),
      mapTier({ name: 'framed' }),
      faultTier(mapTier({ name: 'store', plain, capabilities: { tags: false } }), faults),
    ],
    namespaces: { users: { raw: {}, ...namespace } },
    runtime,
    ...options,
  })
  const shared: Shared = {
    manager,
    cache: manager.namespace('users'),
    runtime,
    faults,
    plain,
    write: (key, text, expiresAt = Infinity) =>
      void plain.set(key, { key, bytes: new TextEncoder().encode(text), expiresAt }),
    read: (key) => {
      const bytes = plain.get(key)?.bytes
      return bytes && new TextDecoder().decode(bytes)
    },
  }
  opened.push(shared)
  return shared
}

function collect(manager: CacheManager, type: CacheEvent['type']): CacheEvent[] {
  const events: CacheEvent[] = []
  manager.on(type, (event) => void events.push(event))
  return events
}

describe('a raw namespace', () => {
  test('reads what other code has written, with the life the store gives it', async () => {
    const { cache, write, runtime } = open()
    const now = runtime.clock.now()
    write('users:ann', '{"role":"editor"}', now + 60_000)
    write('users:bob', '[1,null]')
    expect(await cache.get('ann')).toEqual({ role: 'editor' })
    expect(await cache.ttl('ann')).toBe(60_000)
    expect(await cache.ttl('bob')).toBe(Infinity)
    expect(await cache.getMany(['ann', 'bob', 'eve'])).toEqual(
      new Map<string, unknown>([
        ['ann', { role: 'editor' }],
        ['bob', [1, null]],
      ]),
    )
    expect(await cache.getEntry('ann')).toMatchObject({ tier: 'store', stale: false, tags: [] })
    await runtime.advance(60_000)
    expect(await cache.get('ann')).toBeUndefined()
  })

  test('writes what other code reads: a plain key, a plain value, an end in the store', async () => {
    const { cache, read, plain, runtime } = open({ ttl: '10m' })
    const { tiers } = await cache.set('ann', { role: 'editor' })
    expect(tiers).toEqual({ store: 'applied' })
    expect([...plain.keys()]).toEqual(['users:ann'])
    expect(read('users:ann')).toBe('{"role":"editor"}')
    expect(plain.get('users:ann')?.expiresAt).toBe(runtime.clock.now() + 600_000)
    await cache.set('ann', 1, { ttl: 'forever' })
    expect(plain.get('users:ann')?.expiresAt).toBe(Infinity)
  })

  test('sees every change of other code at once, memory being left out', async () => {
    const { cache, write, plain } = open()
    await cache.set('ann', 1)
    write('users:ann', '2')
    expect(await cache.get('ann')).toBe(2)
    plain.delete('users:ann')
    expect(await cache.get('ann')).toBeUndefined()
    expect(cache.peek('ann')).toBeUndefined()
  })

  test('looks again after the ttl where memory is named, though the plain value lives on', async () => {
    const { cache, write, runtime } = open({ tiers: ['memory', 'store'], ttl: '10s' })
    write('users:ann', '1')
    expect(await cache.get('ann')).toBe(1)
    write('users:ann', '2')
    expect(await cache.get('ann')).toBe(1)
    await runtime.advance(10_000)
    expect(await cache.get('ann')).toBe(2)
  })

  test('loads once for all callers, and stores a plain value', async () => {
    const { cache, read } = open()
    let loads = 0
    const load = async () => ({ n: ++loads })
    const all = await Promise.all([cache.getOrSet('ann', load), cache.getOrSet('ann', load)])
    expect(all).toEqual([{ n: 1 }, { n: 1 }])
    expect(read('users:ann')).toBe('{"n":1}')
    expect(await cache.getOrSet('ann', load)).toEqual({ n: 1 })
  })

  test('removes, renews and lists plain keys', async () => {
    const { cache, write, plain, runtime } = open()
    for (const name of ['ann', 'bob', 'eve']) write(`users:${name}`, '1', runtime.clock.now() + 1000)
    write('orders:1', '1')
    const listed: string[] = []
    for await (const key of cache.keys()) listed.push(key)
    expect(listed.toSorted()).toEqual(['ann', 'bob', 'eve'])
    expect(await cache.touch('ann', '1h')).toBe(true)
    expect(plain.get('users:ann')?.expiresAt).toBe(runtime.clock.now() + 3_600_000)
    expect(await cache.delete('ann')).toBe(true)
    expect(await cache.expire('bob')).toBe(true)
    expect(await cache.invalidatePattern('e*')).toBe(1)
    expect([...plain.keys()]).toEqual(['orders:1'])
  })

  test('is cleared under its prefix only, however many keys there are', async () => {
    const { cache, write, plain, faults } = open()
    for (let at = 0; at < 1200; at++) write(`users:${at}`, '1')
    write('orders:1', '1')
    await cache.clear()
    expect([...plain.keys()]).toEqual(['orders:1'])
    expect(faults.callsOf('delete').map(({ keys }) => keys.length)).toEqual([500, 500, 200])
    expect(faults.callsOf('clear')).toEqual([])
  })

  test('is cleared later where the store could not be', async () => {
    const { cache, write, plain, faults, runtime } = open()
    write('users:ann', '1')
    await cache.get('ann')
    faults.fail('scan', { times: 1 })
    await cache.clear()
    expect(await cache.get('ann')).toBeUndefined()
    await runtime.advance(1000)
    expect([...plain.keys()]).toEqual([])
  })

  test('is cleared with the manager, and framed entries beside it too', async () => {
    const { manager, write, plain } = open()
    write('users:ann', '1')
    write('orders:1', '1')
    await manager.namespace('framed').set('key', 1)
    await manager.clear({ hard: true })
    expect([...plain.keys()]).toEqual(['orders:1'])
    expect(await manager.namespace('framed').get('key')).toBeUndefined()
  })

  test('is not emptied by a clear of the manager in another process by the clock', async () => {
    const { manager, cache, write } = open()
    await manager.clear()
    write('users:ann', '1')
    expect(await cache.get('ann')).toBe(1)
  })

  test('takes a value that it cannot read for a miss, and tells; a load then replaces it', async () => {
    const { cache, manager, write, read } = open()
    const records = collect(manager, 'bad-record')
    write('users:ann', '{"role":')
    expect(await cache.get('ann')).toBeUndefined()
    expect(records).toMatchObject([{ tier: 'store', key: 'users:ann', reason: 'damaged' }])
    expect(JSON.stringify(records, Object.getOwnPropertyNames(records[0]))).not.toContain('role')
    expect(await cache.getOrSet('ann', () => 'loaded')).toBe('loaded')
    expect(read('users:ann')).toBe('"loaded"')
  })

  test('checks what other code has written against its schema', async () => {
    const validate = (value: unknown) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] }
    const { cache, manager, write } = open({ schema: { '~standard': { version: 1, vendor: 'test', validate } } })
    const records = collect(manager, 'bad-record')
    write('users:ann', '"text"')
    write('users:bob', '1')
    expect(await cache.getMany(['ann', 'bob'])).toEqual(new Map([['bob', 1]]))
    expect(records).toMatchObject([{ reason: 'schema' }])
  })

  test('keeps the name that its keys start with, or another one, or none', async () => {
    const { cache, plain } = open({ raw: { keyPrefix: 'app/user/' } })
    await cache.set('ann', 1)
    expect([...plain.keys()]).toEqual(['app/user/ann'])
    const bare = open({ raw: { keyPrefix: '' } })
    await bare.cache.set('ann', 1)
    expect([...bare.plain.keys()]).toEqual(['ann'])
    for (const clear of [() => bare.cache.clear(), () => bare.cache.invalidatePattern('*'), () => bare.manager.clear()])
      await expect(clear()).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    expect([...bare.plain.keys()]).toEqual(['ann'])
  })
})

describe('the values of a raw namespace', () => {
  test('are texts as they are', async () => {
    const { cache, write, read } = open({ raw: { values: 'text' } })
    write('users:ann', 'Käse {')
    expect(await cache.get('ann')).toBe('Käse {')
    await cache.set('ann', '\uFEFF"42"')
    expect(read('users:ann')).toBe('"42"')
    expect(await cache.get('ann')).toBe('\uFEFF"42"')
  })

  test('are bytes as they are, and belong to the reader', async () => {
    const { cache, plain } = open({ raw: { values: 'bytes' } })
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await cache.set('ann', bytes)
    expect(plain.get('users:ann')?.bytes).toEqual(bytes)
    const read = (await cache.get('ann')) as Uint8Array
    expect(read).toEqual(bytes)
    read.fill(0)
    expect(await cache.get('ann')).toEqual(bytes)
  })

  const refused: readonly [string, 'json' | 'text' | 'bytes', unknown][] = [
    ['a Date', 'json', { at: new Date() }],
    ['a Map', 'json', new Map()],
    ['a bigint', 'json', 1n],
    ['NaN', 'json', [NaN]],
    ['a hole', 'json', [undefined]],
    ['a class instance', 'json', new (class User {})()],
    ['a cycle', 'json', cycle()],
    ['a function', 'json', { toJSON: () => 1 }],
    ['a number', 'text', 1],
    ['half a surrogate pair', 'text', '\ud800'],
    ['a text', 'bytes', 'text'],
  ]

  test.each(refused)('are refused when they would come back as something else: %s in %s', async (_, values, value) => {
    const { cache, plain } = open({ raw: { values } })
    await expect(cache.set('ann', value)).rejects.toMatchObject({ name: 'CodecError', code: 'ERR_CACHE_ENCODE' })
    expect([...plain.keys()]).toEqual([])
  })

  test('that are undefined inside of objects are left out, as JSON does', async () => {
    const { cache, read } = open()
    await cache.set('ann', { role: 'editor', team: undefined })
    expect(read('users:ann')).toBe('{"role":"editor"}')
  })

  test('cannot reach the prototype of anything', async () => {
    const { cache, write } = open()
    write('users:ann', '{"__proto__":{"isAdmin":true}}')
    const value = (await cache.get('ann')) as { isAdmin?: boolean }
    expect(value.isAdmin).toBeUndefined()
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })
})

describe('what a raw namespace cannot keep is refused', () => {
  test('at the call', async () => {
    const { cache } = open()
    const refused: readonly (() => Promise<unknown>)[] = [
      () => cache.set('ann', 1, { tags: ['a'] }),
      () => cache.set('ann', 1, { grace: '1h' }),
      () => cache.set('ann', 1, { writeMode: 'behind' }),
      () => cache.getOrSet('ann', () => 1, { tags: ['a'] }),
      () => cache.invalidateTags(['a']),
    ]
    for (const call of refused) await expect(call()).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    const tagged = cache.getOrSet('ann', ({ setTags }) => {
      setTags(['a'])
      return 1
    })
    await expect(tagged).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
  })

  test('but not what the defaults of the manager say: that is left out', async () => {
    const { cache, plain, runtime } = open({}, { defaults: { grace: '1h', ttl: '1m', writeMode: 'behind' } })
    expect((await cache.set('ann', 1)).tiers).toEqual({ store: 'applied' })
    expect(plain.get('users:ann')?.expiresAt).toBe(runtime.clock.now() + 60_000)
  })
})

describe('the plain keys of a tier in trouble', () => {
  test('are behind the same guard as its other keys', async () => {
    const { cache, manager, faults, runtime } = open()
    await manager.start()
    faults.hang('get')
    expect(await runtime.until(cache.get('ann'))).toBeUndefined()
    const before = runtime.clock.now()
    const other = manager.namespace('other')
    await other.get('key', { tiers: ['store'] })
    await cache.get('bob')
    expect(runtime.clock.now()).toBe(before)
    expect(faults.callsOf('get')).toHaveLength(1)
    expect((await manager.health()).tiers[2]).toMatchObject({ name: 'store', breakers: { read: 'open' } })
    expect(manager.analytics().tiers['store']?.operations.get).toMatchObject({ calls: 1, timeouts: 1, refused: 2 })
  })

  test('are not believed until they have heard of a removal', async () => {
    const { cache, manager, faults, runtime, write, plain } = open()
    write('users:ann', '1')
    await manager.start()
    faults.fail('delete', { times: 1 })
    expect(await cache.delete('ann')).toBe(false)
    expect(await cache.get('ann')).toBeUndefined()
    expect((await manager.health()).tiers[2]).toMatchObject({ name: 'store', intents: 1 })
    await runtime.advance(1000)
    expect([...plain.keys()]).toEqual([])
    expect(await manager.health()).toMatchObject({ healthy: true })
  })

  test('without a prefix are forgotten oldest first when more are owed than are kept', async () => {
    const { cache, manager, faults, write } = open({ raw: { keyPrefix: '' } })
    const overflows: CacheEvent[] = []
    write('bystander', '1')
    await manager.start()
    faults.fail('delete')
    manager.on('intent', (event) => event.state === 'overflowed' && void overflows.push(event))
    await cache.deleteMany(Array.from({ length: 10_002 }, (_, index) => `key ${index}`))
    expect(overflows).toHaveLength(2)
    expect(await cache.get('bystander')).toBe(1)
  })
})

describe('a change in this process and a read of a plain key', () => {
  test('a reply from before a write does not enter memory after it', async () => {
    const { cache, faults, runtime, write } = open({ tiers: ['memory', 'store'], ttl: '1h' })
    write('users:ann', '"old"')
    await cache.get('other')
    faults.delay('get', 50, { times: 1 })
    const slow = cache.get('ann')
    await runtime.advance(10)
    await cache.set('ann', 'new')
    await runtime.until(slow)
    expect(cache.peek('ann')).toBe('new')
    expect(await cache.get('ann')).toBe('new')
  })

  test('a read that begins while a write is on its way does not put the value before it into memory', async () => {
    const { cache, faults, runtime, write } = open({ tiers: ['memory', 'store'], ttl: '1h' })
    write('users:ann', '"old"')
    await cache.get('other')
    faults.delay('set', 50, { times: 1 })
    const change = cache.set('ann', 'new', { writeMode: 'around' })
    await runtime.advance(10)
    expect(await cache.get('ann')).toBe('old')
    await runtime.until(change)
    expect(await cache.get('ann')).toBe('new')
  })

  test('a renewal gives way to a write', async () => {
    const { cache, faults, runtime, write } = open()
    write('users:ann', '"old"', runtime.clock.now() + 60_000)
    await cache.get('other')
    faults.delay('set', 50, { times: 1 })
    const change = cache.set('ann', 'new')
    await runtime.advance(10)
    await runtime.until(Promise.all([cache.touch('ann', '1h'), change]))
    expect(await cache.get('ann')).toBe('new')
  })
})

function cycle(): unknown {
  const list: unknown[] = []
  list.push(list)
  return list
}
