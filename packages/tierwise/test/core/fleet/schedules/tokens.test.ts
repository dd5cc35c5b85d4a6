import { describe, expect, it } from 'vitest'

import { atOnce, startFleet } from '../fleet.ts'
import { expectAll } from './promises.ts'
import { Source } from './source.ts'

describe('15. a writer reads back at once', () => {
  it.each(['get', 'getOrSet', 'getMany'] as const)('on the same instance, before any message (%s)', async (verb) => {
    const fleet = await startFleet()
    const [a] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    a!.instance.messages.hold()
    await atOnce(a!.cache.set('k', source.write()))
    const read = {
      get: () => a!.cache.get('k'),
      getOrSet: () => a!.cache.getOrSet('k', () => 'loaded'),
      getMany: async () => (await a!.cache.getMany(['k'])).get('k'),
    }[verb]
    expect(await atOnce(read())).toBe(2)
    await atOnce(a!.cache.delete('k'))
    expect(await atOnce(a!.cache.get('k'))).toBe(undefined)
  })

  it('on the same instance, though its memory was emptied and the store has the older value from another', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    await atOnce(a!.cache.set('k', 1))
    const change = a!.instance.pause('change', { calls: 1 })
    const write = a!.cache.set('k', 2)
    await change.reached
    await atOnce(b!.cache.set('k', 3))
    await fleet.runtime.settle()
    change.resume()
    const written = await atOnce(write)
    expect(written.tiers['memory']).toBe('skipped')
    await expectAll(fleet, 3)
  })

  it('on another instance with the token: never anything older', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    await expectAll(fleet, 1)
    b!.instance.messages.hold()
    const { token } = await atOnce(a!.cache.set('k', source.write()))
    expect(await atOnce(b!.cache.get('k', { after: token }))).toBe(2)
    const deleted = await atOnce(a!.cache.invalidate('k'))
    expect(await atOnce(b!.cache.get('k', { after: deleted.token }))).toBe(undefined)
    source.write()
    expect(await atOnce(b!.cache.getOrSet('k', source.load, { after: deleted.token }))).toBe(3)
    b!.instance.messages.release()
  })

  it('on another instance with the token, where an older load is under way', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    b!.instance.messages.hold()
    const load = source.hold(b!.cache)
    await fleet.runtime.settle()
    const { token } = await atOnce(a!.cache.set('k', source.write()))
    const read = b!.cache.getOrSet('k', source.load, { after: token })
    await fleet.runtime.settle()
    load.finish()
    expect(await atOnce(read)).toBe(2)
    expect(await atOnce(load.result)).toBe(1)
    b!.instance.messages.release()
  })

  it('on another instance without the token: the value before, for as long as the bound allows', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    await atOnce(a!.cache.set('k', 1))
    await expectAll(fleet, 1)
    b!.instance.messages.hold()
    await atOnce(a!.cache.set('k', 2))
    expect(await atOnce(b!.cache.get('k'))).toBe(1)
    b!.instance.messages.release()
    await fleet.runtime.settle()
    expect(await atOnce(b!.cache.get('k'))).toBe(2)
  })

  it('on the same instance while the store is away', async () => {
    const fleet = await startFleet()
    const [a] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    a!.instance.cut()
    const written = await atOnce(a!.cache.set('k', source.write()))
    expect(written.tiers).toEqual({ memory: 'applied', shared: 'failed' })
    expect(await atOnce(a!.cache.get('k'))).toBe(2)
    await atOnce(a!.cache.delete('k'))
    expect(await atOnce(a!.cache.get('k'))).toBe(undefined)
    source.write()
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(3)
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(3)
    expect(source.loads).toBe(1)
  })
})
