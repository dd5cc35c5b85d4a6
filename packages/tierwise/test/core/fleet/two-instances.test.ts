import { describe, expect, it } from 'vitest'
import { startFleet } from './fleet.ts'

describe('two instances over a shared store', () => {
  it('see each other set, delete and expire', async () => {
    const { runtime, members, store } = await startFleet()
    const [a, b] = members.map(({ cache }) => cache)
    await runtime.until(a!.set('k', 1))
    expect(await runtime.until(b!.get('k'))).toBe(1)
    expect(b!.peek('k')).toBe(1)
    const written = await runtime.until(a!.set('k', 2))
    await runtime.settle()
    expect(written.tiers).toEqual({ memory: 'applied', shared: 'applied' })
    expect(b!.peek('k')).toBe(undefined)
    expect(await runtime.until(b!.get('k'))).toBe(2)
    expect(await runtime.until(b!.delete('k'))).toBe(true)
    await runtime.settle()
    expect(a!.peek('k')).toBe(undefined)
    expect(await runtime.until(a!.get('k'))).toBe(undefined)
    expect(store.head('tw:1:factors:k').record).toBe('deleted')
  })

  it('load a key once, and the others wait for it', async () => {
    const { runtime, members } = await startFleet({ members: 4 })
    let loads = 0
    let finish: (value: number) => void = () => {}
    const loader = (): Promise<number> => {
      loads++
      return new Promise((resolve) => (finish = resolve))
    }
    const gets = members.flatMap(({ cache }) => Array.from({ length: 5 }, () => cache.getOrSet('k', loader)))
    await runtime.settle()
    expect(loads).toBe(1)
    finish(7)
    expect(await runtime.until(Promise.all(gets))).toEqual(Array.from({ length: 20 }, () => 7))
    expect(loads).toBe(1)
    expect(members.map(({ cache }) => cache.peek('k'))).toEqual([7, 7, 7, 7])
  })

  it('do not store what was invalidated while it was loaded', async () => {
    const { runtime, members, store } = await startFleet()
    const [a, b] = members.map(({ cache }) => cache)
    let finish: (value: number) => void = () => {}
    const loading = a!.getOrSet('k', () => new Promise<number>((resolve) => (finish = resolve)))
    await runtime.settle()
    await runtime.until(b!.delete('k'))
    finish(1)
    expect(await runtime.until(loading)).toBe(1)
    expect(a!.peek('k')).toBe(undefined)
    expect(store.head('tw:1:factors:k').record).toBe('deleted')
  })

  it('serve nothing from memory that is not proved', async () => {
    const { runtime, members } = await startFleet()
    const [a, b] = members
    await runtime.until(a!.cache.set('k', 1))
    expect(a!.cache.peek('k')).toBe(1)
    a!.instance.cut()
    await runtime.until(b!.cache.set('k', 2))
    await runtime.advance(3900)
    expect(a!.cache.peek('k')).toBe(1)
    await runtime.advance(1200)
    expect(a!.cache.peek('k')).toBe(undefined)
    expect(await runtime.until(a!.cache.get('k'))).toBe(undefined)
    let loads = 0
    const load = async (): Promise<number> => ++loads + 10
    expect(await runtime.until(a!.cache.getOrSet('k', load))).toBe(11)
    expect(await runtime.until(a!.cache.getOrSet('k', load))).toBe(11)
    await runtime.advance(5000)
    expect(await runtime.until(a!.cache.getOrSet('k', load))).toBe(12)
    a!.instance.mend()
    await runtime.advance(6000)
    expect(await runtime.until(a!.cache.get('k'))).toBe(2)
  })
  it('wait at a barrier for everybody who may still serve an old value', async () => {
    const { runtime, members } = await startFleet({ members: 3 })
    await runtime.until(members[0]!.cache.set('k', 1))
    for (const { cache } of members) await runtime.until(cache.get('k'))
    members[2]!.instance.cut()
    const result = await runtime.until(members[0]!.cache.invalidate('k', { barrier: true }))
    expect(result.tiers).toEqual({ memory: 'applied', shared: 'applied' })
    expect(new Set(result.acknowledged)).toEqual(new Set([members[0]!.instance.id, members[1]!.instance.id]))
    expect(result.lapsed).toEqual([members[2]!.instance.id])
    expect(members.map(({ cache }) => cache.peek('k'))).toEqual([undefined, undefined, undefined])
  })

  it('throw from a strict invalidation that the shared store could not take, and deliver it later', async () => {
    const { runtime, members } = await startFleet()
    const [a, b] = members
    await runtime.until(a!.cache.set('k', 1))
    await runtime.until(b!.cache.get('k'))
    a!.instance.cut()
    await expect(runtime.until(a!.cache.invalidate('k', { strict: true }))).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_WRITE',
      tier: 'shared',
    })
    expect(b!.cache.peek('k')).toBe(1)
    a!.instance.mend()
    await runtime.advance(2500)
    expect(b!.cache.peek('k')).toBe(undefined)
    expect(await runtime.until(b!.cache.get('k'))).toBe(undefined)
  })

  it('keep nothing that was loaded from a replica behind the fence', async () => {
    const { runtime, members } = await startFleet()
    const [a, b] = members
    await runtime.until(a!.cache.invalidate('k', { fence: 10 }))
    const load = (version: number) => (): Promise<number> =>
      runtime.until(
        b!.cache.getOrSet('k', ({ setSourceVersion }) => {
          setSourceVersion(version)
          return version
        }) as Promise<number>,
      )
    expect(await load(9)()).toBe(9)
    expect(b!.cache.peek('k')).toBe(undefined)
    expect(await load(10)()).toBe(10)
    expect(b!.cache.peek('k')).toBe(10)
  })
})
