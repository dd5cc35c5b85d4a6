import { describe, expect, it } from 'vitest'

import { faultPlan } from '../../../src/testing/fault-plan.ts'
import { Host, type Life } from './host.ts'

const storageKey = (key: string): string => `tw:1:factors:${key}`

/** Longer than the note of the place takes. */
const noted = 1200

/** Values on the disk of a process that has noted how far it has heard, and then crashes. Nobody else has them. */
async function crashed(host: Host, keys: readonly string[], options?: Parameters<Host['start']>[0]): Promise<void> {
  const life = await host.start(options)
  for (const key of keys) await host.during(life.cache.set(key, `old ${key}`, lasting))
  await host.pass(noted)
  host.crash(life)
  for (const key of keys) host.store.evict(storageKey(key), 'record')
}

const lasting = { ttl: '1h', grace: '1h' } as const

/** What a reader gets: the value on the disk as a fresh one, or what is loaded. */
function read(host: Host, { cache }: Life, key: string): Promise<unknown> {
  return host.during(cache.getOrSet(key, () => 'loaded', lasting))
}

/** What stands in when the source fails; undefined when there is nothing. */
function fallback(host: Host, { cache }: Life, key: string): Promise<unknown> {
  const failing = (): never => {
    throw new Error('the source is down')
  }
  return host.during(cache.getOrSet(key, failing, lasting).catch(() => undefined))
}

describe('a disk after a restart', () => {
  it('loses what was invalidated meanwhile, and is trusted for the rest', async () => {
    const host = new Host()
    const other = await host.start({ hasDisk: false })
    await crashed(host, ['changed', 'set', 'same'])
    await host.during(other.cache.delete('changed'))
    await host.during(other.cache.set('set', 'new'))
    host.store.evict(storageKey('set'), 'record')
    const life = await host.start()
    expect(await fallback(host, life, 'changed')).toBe(undefined)
    expect(await fallback(host, life, 'set')).toBe(undefined)
    expect(await read(host, life, 'same')).toBe('old same')
  })

  it('is a fallback only when the log does not reach so far back', async () => {
    const host = new Host({ logLength: 3 })
    const other = await host.start({ hasDisk: false })
    await crashed(host, ['changed', 'same', 'wanted'])
    await host.during(other.cache.delete('changed'))
    for (let count = 0; count < 5; count++) await host.during(other.cache.delete(`other ${count}`))
    const life = await host.start()
    expect(await fallback(host, life, 'wanted')).toBe('old wanted')
    expect(await read(host, life, 'changed')).toBe('loaded')
    expect(await read(host, life, 'same')).toBe('loaded')
  })

  it.each(['stopped', 'crashed'] as const)('is not trusted again after a second restart: %s', async (end) => {
    const host = new Host({ logLength: 3 })
    const other = await host.start({ hasDisk: false })
    await crashed(host, ['changed', 'same'])
    await host.during(other.cache.delete('changed'))
    for (let count = 0; count < 5; count++) await host.during(other.cache.delete(`other ${count}`))
    const between = await host.start()
    await host.during(between.cache.set('newer', 'of the second life', lasting))
    if (end === 'stopped') await host.during(between.manager.stop())
    else {
      await host.pass(noted)
      host.crash(between)
    }
    host.store.evict(storageKey('newer'), 'record')
    const life = await host.start()
    expect(await read(host, life, 'changed')).toBe('loaded')
    expect(await read(host, life, 'same')).toBe('loaded')
    expect(await read(host, life, 'newer')).toBe('of the second life')
  })

  it('is a fallback only when nothing was noted', async () => {
    const host = new Host()
    const first = await host.start()
    for (const key of ['same', 'wanted']) await host.during(first.cache.set(key, `old ${key}`, lasting))
    expect(await host.notes('place/')).toEqual([])
    host.crash(first)
    for (const key of ['same', 'wanted']) host.store.evict(storageKey(key), 'record')
    const life = await host.start()
    expect(await fallback(host, life, 'wanted')).toBe('old wanted')
    expect(await read(host, life, 'same')).toBe('loaded')
  })

  it('is a fallback only when the store has lost what it knew', async () => {
    const host = new Host()
    await crashed(host, ['same', 'wanted'])
    host.store.flush()
    const life = await host.start()
    expect(await fallback(host, life, 'wanted')).toBe('old wanted')
    expect(await read(host, life, 'same')).toBe('loaded')
  })

  it('is trusted also when it takes long to open', async () => {
    const host = new Host()
    await crashed(host, ['same'])
    const life = await host.start({ faults: faultPlan().delay('open', 1500) })
    expect(await read(host, life, 'same')).toBe('old same')
  })

  it('has each lane where it was left', async () => {
    const host = new Host({ lanes: 4, logLength: 3 })
    const other = await host.start({ hasDisk: false })
    const keys = Array.from({ length: 12 }, (_, index) => `key ${index}`)
    await crashed(host, keys)
    await host.during(other.cache.delete('key 0'))
    for (let count = 0; count < 5; count++) await host.during(other.cache.set('key 1', count))
    host.store.evict(storageKey('key 1'), 'record')
    const life = await host.start()
    const found = new Set<unknown>()
    for (const key of keys) found.add(await read(host, life, key))
    expect(await read(host, life, 'key 0')).toBe('loaded')
    expect(await read(host, life, 'key 1')).toBe('loaded')
    expect(found.size).toBeGreaterThan(4)
  })

  it('is noted when the process is stopped', async () => {
    const host = new Host()
    const first = await host.start()
    await host.during(first.cache.set('same', 'old same', lasting))
    await host.during(first.manager.stop())
    expect(await host.notes('place/')).toEqual(['place/tw/shared'])
    host.store.evict(storageKey('same'), 'record')
    expect(await read(host, await host.start(), 'same')).toBe('old same')
  })
})

/** For what takes long without being a failure. */
const patient = { tierTimeout: '10s' } as const

describe('the note of how far a disk has heard', () => {
  it('does not count what the disk has not taken yet', async () => {
    const host = new Host()
    const first = await host.start(patient)
    const other = await host.start({ hasDisk: false })
    await host.during(first.cache.set('changed', 'old', lasting))
    await host.pass(noted)
    first.faults.delay('delete', 5000)
    await host.during(other.cache.delete('changed'))
    await host.pass(noted)
    host.crash(first)
    expect(await fallback(host, await host.start(), 'changed')).toBe(undefined)
  })

  it('does not count what the disk could not take', async () => {
    const host = new Host()
    const first = await host.start()
    const other = await host.start({ hasDisk: false })
    await host.during(first.cache.set('changed', 'old', lasting))
    await host.pass(noted)
    first.faults.fail('delete')
    await host.during(other.cache.delete('changed'))
    await host.pass(3 * noted)
    host.crash(first)
    expect(await fallback(host, await host.start(), 'changed')).toBe(undefined)
  })

  it('does not count a change of the process itself that has not come to the disk', async () => {
    const host = new Host()
    const first = await host.start(patient)
    await host.during(first.cache.set('changed', 'old', lasting))
    await host.pass(noted)
    const reply = first.instance.pause('change')
    void first.cache.delete('changed')
    await reply.reached
    await host.pass(noted)
    host.crash(first)
    expect(await fallback(host, await host.start(), 'changed')).toBe(undefined)
  })

  it('does not count a write that waits', async () => {
    const host = new Host()
    const first = await host.start(patient)
    await host.during(first.cache.set('changed', 'old', lasting))
    await host.pass(noted)
    first.faults.delay('set', 5000)
    await host.during(first.cache.set('changed', 'new', { ...lasting, writeMode: 'behind' }))
    await host.pass(noted)
    host.crash(first)
    host.store.evict(storageKey('changed'), 'record')
    expect(await fallback(host, await host.start(), 'changed')).not.toBe('old')
  })

  it('is one note of all processes that share the disk', async () => {
    const host = new Host()
    const first = await host.start()
    const second = await host.start()
    const other = await host.start({ hasDisk: false })
    for (const key of ['changed', 'same']) await host.during(first.cache.set(key, `old ${key}`, lasting))
    await host.pass(noted)
    host.crash(first)
    await host.during(other.cache.delete('changed'))
    await host.pass(noted)
    host.crash(second)
    host.store.evict(storageKey('same'), 'record')
    expect(await host.notes('place/')).toEqual(['place/tw/shared'])
    const life = await host.start()
    expect(await fallback(host, life, 'changed')).toBe(undefined)
    expect(await read(host, life, 'same')).toBe('old same')
  })
})

describe('a proof after a restart', () => {
  it('waits for the disk to take what has changed meanwhile', async () => {
    const host = new Host()
    const other = await host.start({ hasDisk: false })
    await crashed(host, ['changed', 'same'])
    await host.during(other.cache.delete('changed'))
    const faults = faultPlan().delay('delete', 600)
    const life = host.create({ faults, ...patient })
    const started = life.manager.start()
    await host.pass(300)
    expect(await read(host, life, 'changed')).toBe('loaded')
    await host.during(started)
    await host.pass(2000)
    expect(await read(host, life, 'same')).toBe('old same')
  })

  it('comes without the disk when that cannot be opened', async () => {
    const host = new Host()
    const life = host.create({ faults: faultPlan().fail('open') })
    await host.during(life.cache.set('key', 'value'))
    await host.pass(2000)
    expect(await read(host, life, 'key')).toBe('value')
    expect(life.cache.peek('key')).toBe('value')
  })

  it('is not given to a lane that was lost while the disk was told', async () => {
    const host = new Host({ logLength: 3 })
    const other = await host.start({ hasDisk: false })
    await crashed(host, ['changed', 'same'])
    await host.during(other.cache.delete('changed'))
    const life = host.create({ faults: faultPlan().delay('delete', 600), ...patient })
    const started = life.manager.start()
    await host.pass(100)
    life.instance.cut()
    for (let count = 0; count < 5; count++) await host.during(other.cache.delete(`other ${count}`))
    const resync = life.instance.pause('poll')
    life.instance.mend()
    await host.pass(700)
    expect(await read(host, life, 'same')).toBe('loaded')
    resync.resume()
    await host.during(started)
  })

  it('is asked for by nobody who was stopped before the disk was there', async () => {
    const host = new Host()
    const life = host.create({ faults: faultPlan().delay('open', 400) })
    const started = life.manager.start().catch(() => undefined)
    await host.pass(100)
    await host.during(life.manager.stop())
    await host.during(started)
    await host.pass(2000)
    expect(life.runtime.pendingTimers).toEqual([])
  })
})

describe('an invalidation that the store could not take', () => {
  /** The process is cut off, invalidates, and crashes as soon as it has been told what became of that. */
  async function owing(host: Host, key: string): Promise<void> {
    const first = await host.start()
    await host.during(first.cache.set(key, 'old', lasting))
    first.instance.cut()
    const { tiers } = await host.during(first.cache.invalidate(key))
    expect(tiers['shared']).toBe('failed')
    host.crash(first)
  }

  it('is not forgotten in a crash: nothing is read of the key before it was delivered', async () => {
    const host = new Host()
    const other = await host.start({ hasDisk: false })
    await owing(host, 'changed')
    const life = host.create()
    expect(await read(host, life, 'changed')).toBe('loaded')
    await host.pass(2000)
    expect(host.store.head(storageKey('changed')).record).not.toBe('held')
    expect(await host.during(other.cache.get('changed'))).toBe(undefined)
    expect(await host.notes('owed/')).toEqual([])
  })

  it('is still owed after several crashes', async () => {
    const host = new Host()
    await owing(host, 'changed')
    for (let count = 0; count < 3; count++) {
      const life = host.create()
      life.instance.cut()
      expect(await read(host, life, 'changed')).toBe('loaded')
      host.crash(life)
    }
    expect(host.store.head(storageKey('changed')).record).toBe('held')
    const life = await host.start()
    await host.pass(2000)
    expect(host.store.head(storageKey('changed')).record).toBe('deleted')
    expect(await host.notes('owed/')).toEqual([])
    expect((await life.manager.health()).tiers.map(({ intents }) => intents)).toEqual([0, 0, 0])
  })

  it('is delivered by another process that starts on the disk, and what is owed since is kept', async () => {
    const host = new Host()
    const first = await host.start()
    for (const key of ['early', 'late']) await host.during(first.cache.set(key, 'old', lasting))
    first.instance.cut()
    await host.during(first.cache.invalidate('early'))
    const second = host.create()
    await host.during(second.manager.start())
    await host.during(first.cache.invalidate('late'))
    await host.pass(2000)
    expect(host.store.head(storageKey('early')).record).toBe('deleted')
    expect(host.store.head(storageKey('late')).record).toBe('held')
    host.crash(first)
    host.crash(second)
    const life = await host.start()
    expect(await read(host, life, 'late')).toBe('loaded')
    await host.pass(2000)
    expect(await host.notes('owed/')).toEqual([])
  })

  it('is not read although the disk takes long to open', async () => {
    const host = new Host()
    await owing(host, 'changed')
    const life = host.create({ faults: faultPlan().delay('open', 2000) })
    expect(await read(host, life, 'changed')).toBe('loaded')
    await host.pass(4000)
    expect(host.store.head(storageKey('changed')).record).not.toBe('held')
  })

  it('is delivered when the process is stopped, and noted no more', async () => {
    const host = new Host()
    const first = await host.start()
    await host.during(first.cache.set('changed', 'old', lasting))
    const lost = first.instance.pause('change', { moment: 'before', calls: 1 })
    const invalidation = first.cache.invalidate('changed')
    await lost.reached
    lost.fail()
    await host.during(invalidation)
    expect(await host.notes('owed/')).toHaveLength(1)
    const errors: unknown[] = []
    first.manager.on('tier-error', (event) => void errors.push(event))
    first.faults.delay('notes', 50)
    await host.during(first.manager.stop())
    expect(host.store.head(storageKey('changed')).record).toBe('deleted')
    expect(await host.notes('owed/')).toEqual([])
    expect(errors).toEqual([])
  })

  it('keeps what was loaded before it out of the store', async () => {
    const host = new Host()
    const first = await host.start()
    let finish: (value: unknown) => void = () => {}
    const loading = first.cache.getOrSet('changed', () => new Promise((resolve) => (finish = resolve)), lasting)
    await host.pass(50)
    const lost = first.instance.pause('change', { moment: 'before' })
    const invalidation = first.cache.invalidate('changed')
    await lost.reached
    lost.fail()
    expect((await host.during(invalidation)).tiers['shared']).toBe('failed')
    finish('old')
    expect(await host.during(loading)).toBe('old')
    expect(host.store.head(storageKey('changed')).record).not.toBe('held')
  })

  it('covers the whole namespace when there were too many', async () => {
    const host = new Host()
    const first = await host.start()
    await host.during(first.cache.set('bystander', 'old', lasting))
    first.instance.cut()
    await host.during(first.cache.deleteMany(Array.from({ length: 10_001 }, (_, index) => `key ${index}`)))
    host.crash(first)
    const life = host.create()
    expect(await read(host, life, 'bystander')).toBe('loaded')
    await host.pass(2500)
    expect(await host.notes('owed/')).toEqual([])
    expect(await read(host, await host.start({ hasDisk: false }), 'bystander')).toBe('loaded')
  })
})
