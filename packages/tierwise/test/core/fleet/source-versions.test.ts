import { describe, expect, it } from 'vitest'
import type { LoaderContext } from '../../../src/contract/loader.ts'
import type { Pause } from '../../../src/testing/shared-store.ts'
import { startFleet } from './fleet.ts'

/** A primary, and a replica that lags; loaders read the replica unless they are told that this is not enough. */
class Source {
  version = 1
  replicated = 1
  readonly told: (number | undefined)[] = []
  readonly load = ({ minSourceVersion, setSourceVersion }: Reading): string => {
    this.told.push(minSourceVersion)
    const version =
      minSourceVersion !== undefined && minSourceVersion > this.replicated ? this.version : this.replicated
    setSourceVersion(version)
    return `v${version}`
  }
}

type Reading = Pick<LoaderContext<unknown>, 'minSourceVersion' | 'setSourceVersion'>

const storedOf = 'tw:1:factors:k'

describe('a loader that may read a copy of the source that lags', () => {
  it('is told after an invalidation what it has to read at least, on every instance', async () => {
    const { runtime, members, store } = await startFleet()
    const [a, b] = members.map(({ cache }) => cache)
    const source = new Source()
    expect(await runtime.until(a!.getOrSet('k', source.load))).toBe('v1')
    source.version = 2
    await runtime.until(a!.invalidate('k', { fence: 2 }))
    await runtime.settle()
    expect(await runtime.until(b!.getOrSet('k', source.load))).toBe('v2')
    expect(await runtime.until(a!.getOrSet('k', source.load))).toBe('v2')
    expect(source.told).toEqual([undefined, 2])
    expect(store.head(storedOf)).toMatchObject({ record: 'held', fence: 2 })
  })

  it('is run once more when it has read too little, under the same lease, and what it brings then is not stored', async () => {
    const { runtime, members, store } = await startFleet({ members: 1 })
    const [{ cache, instance }] = members as [(typeof members)[0]]
    await runtime.until(cache.invalidate('k', { fence: 5 }))
    const versions = [3, 4]
    let askedAgain: Pause | undefined
    const loading = cache.getOrSet('k', ({ setSourceVersion }) => {
      askedAgain ??= instance.pause('acquire')
      const version = versions.shift() ?? 0
      setSourceVersion(version)
      return version
    })
    expect(await runtime.until(loading)).toBe(4)
    expect(versions).toEqual([])
    expect(askedAgain?.waiting).toBe(0)
    expect(store.head(storedOf)).toMatchObject({ record: 'deleted', lease: undefined })
    expect(cache.peek('k')).toBeUndefined()
  })

  it('is run once more when it finds nothing, which is not remembered if it is too old again', async () => {
    const { runtime, members } = await startFleet({ members: 1 })
    const { cache } = members[0]!
    await runtime.until(cache.invalidate('k', { fence: 2 }))
    let runs = 0
    const load = ({ setSourceVersion }: Reading): undefined => {
      runs++
      setSourceVersion(1)
    }
    const get = (): Promise<unknown> => runtime.until(cache.getOrSet('k', load, { negativeTtl: '1m' }))
    expect(await get()).toBeUndefined()
    expect(runs).toBe(2)
    await get()
    expect(runs).toBe(4)
  })

  it('is not run again when it was told and does not say what it has read', async () => {
    const { runtime, members, store } = await startFleet({ members: 1 })
    const { cache } = members[0]!
    await runtime.until(cache.invalidate('k', { fence: 2 }))
    let runs = 0
    expect(await runtime.until(cache.getOrSet('k', () => ++runs))).toBe(1)
    expect(store.head(storedOf)).toMatchObject({ record: 'deleted', lease: undefined })
  })

  it('is told and repeated while another process holds the key, where nothing can be stored', async () => {
    const { runtime, members } = await startFleet()
    const [a, b] = members.map(({ cache }) => cache)
    await runtime.until(a!.invalidate('k', { fence: 2 }))
    const told: unknown[] = []
    const loading = a!.mutate(['k'], () =>
      runtime.until(
        b!.getOrSet('k', ({ minSourceVersion, setSourceVersion }) => {
          told.push(minSourceVersion)
          setSourceVersion(told.length)
          return told.length
        }),
      ),
    )
    expect(await runtime.until(loading)).toBe(2)
    expect(told).toEqual([2, 2])
    expect(b!.peek('k')).toBeUndefined()
  })

  it('fails once when its second run fails', async () => {
    const { runtime, members } = await startFleet({ members: 1 })
    const { cache, manager } = members[0]!
    await runtime.until(cache.invalidate('k', { fence: 2 }))
    let runs = 0
    const loading = cache.getOrSet('k', ({ setSourceVersion }) => {
      if (++runs === 2) throw new Error('the primary is away')
      setSourceVersion(1)
      return 1
    })
    await expect(runtime.until(loading)).rejects.toThrow('the primary is away')
    expect(manager.analytics().namespaces['factors']?.loadFailures).toBe(1)
  })
})

describe('a batch loader', () => {
  it('is told the highest fence, and loads what it has read too little of once more, key by key', async () => {
    const { runtime, members, store } = await startFleet({ members: 1 })
    const { cache } = members[0]!
    await runtime.until(cache.invalidate('k', { fence: 3 }))
    await runtime.until(cache.invalidate('l', { fence: 2 }))
    const calls: unknown[] = []
    const versions = [2, 3]
    const loaded = cache.getOrSetMany(['k', 'l', 'm'], (keys, { minSourceVersion, setSourceVersion }) => {
      calls.push([keys, minSourceVersion])
      const version = versions.shift() ?? 0
      setSourceVersion(version)
      return new Map(keys.map((key) => [key, version]))
    })
    expect(await runtime.until(loaded)).toEqual(
      new Map([
        ['k', 3],
        ['l', 2],
        ['m', 2],
      ]),
    )
    expect(calls).toEqual([
      [['k', 'l', 'm'], 3],
      [['k'], 3],
    ])
    for (const key of ['k', 'l', 'm']) expect(store.head(`tw:1:factors:${key}`).record, key).toBe('held')
  })

  it('hands out what it has read too little of twice, and stores none of it', async () => {
    const { runtime, members, store } = await startFleet({ members: 1 })
    const { cache } = members[0]!
    await runtime.until(cache.invalidate('k', { fence: 3 }))
    let runs = 0
    const load = (keys: readonly string[], { setSourceVersion }: { setSourceVersion(version: number): void }) => {
      runs++
      setSourceVersion(1)
      return new Map(keys.map((key) => [key, runs]))
    }
    expect(await runtime.until(cache.getOrSetMany(['k'], load))).toEqual(new Map([['k', 2]]))
    expect(store.head(storedOf)).toMatchObject({ record: 'deleted', lease: undefined })
    expect(await runtime.until(cache.getOrSetMany(['k'], () => new Map()))).toEqual(new Map())
  })
})

describe('a set', () => {
  it('of a value that is older than the last invalidation counts from is not stored, and removes what was held', async () => {
    const { runtime, members, store } = await startFleet()
    const [a, b] = members.map(({ cache }) => cache)
    await runtime.until(a!.invalidate('k', { fence: 2 }))
    await runtime.until(a!.set('k', 'v2', { sourceVersion: 2 }))
    expect(await runtime.until(b!.get('k'))).toBe('v2')
    const { tiers } = await runtime.until(b!.set('k', 'v1', { sourceVersion: 1 }))
    expect(tiers).toEqual({ memory: 'skipped', shared: 'skipped' })
    await runtime.settle()
    expect([a!.peek('k'), b!.peek('k'), store.head(storedOf).record]).toEqual([undefined, undefined, 'deleted'])
  })

  it('of many values tells each by itself', async () => {
    const { runtime, members } = await startFleet({ members: 1 })
    const { cache } = members[0]!
    await runtime.until(cache.invalidate('k', { fence: 2 }))
    const results = await runtime.until(
      cache.setMany(
        [
          ['k', 1],
          ['l', 1],
        ],
        { sourceVersion: 1 },
      ),
    )
    expect([...results.values()].map(({ tiers }) => tiers['shared'])).toEqual(['skipped', 'applied'])
  })

  it('during a guarded write, of whatever process, is left to the end of that', async () => {
    const { runtime, members, store } = await startFleet()
    for (const { cache } of members) {
      const results = await runtime.until(
        members[0]!.cache.mutate(['k'], () => runtime.until(cache.set('k', 'written'))),
      )
      expect(results.tiers).toEqual({ memory: 'skipped', shared: 'skipped' })
      expect(cache.peek('k')).toBeUndefined()
    }
    expect(store.head(storedOf).record).toBe('deleted')
    expect((await runtime.until(members[0]!.cache.set('k', 'after'))).tiers['shared']).toBe('applied')
  })

  it.each([-1, 1.5, NaN, '2'])('refuses the source version %s', async (sourceVersion) => {
    const { runtime, members } = await startFleet({ members: 1 })
    const setting = members[0]!.cache.set('k', 1, { sourceVersion: sourceVersion as number })
    await expect(runtime.until(setting)).rejects.toThrow('sourceVersion')
  })
})

describe('a guarded write', () => {
  it('of a process does not end the hold of another one that it makes of the key', async () => {
    const { runtime, members, store } = await startFleet({ members: 1 })
    const { cache } = members[0]!
    let finish = (): void => {}
    const first = cache.mutate(['k'], () => new Promise<void>((resolve) => (finish = resolve)))
    await runtime.settle()
    await runtime.until(cache.mutate(['k'], async () => {}))
    expect(store.head(storedOf).holdUntil, 'the first goes on').toBeGreaterThan(0)
    finish()
    await runtime.until(first)
    expect(store.head(storedOf).holdUntil).toBe(0)
  })
})

describe('a namespace whose source lags', () => {
  it('stores nothing for so long after the shared store has lost its memory', async () => {
    const { runtime, members, store } = await startFleet({ defaults: { sourceLag: '20s' } })
    const [a, b] = members.map(({ cache }) => cache)
    // A store may begin to remember with the first change that it is asked for.
    await runtime.until(a!.set('k', 0))
    await runtime.advance(20_000)
    expect((await runtime.until(a!.set('k', 1))).tiers['shared']).toBe('applied')
    await runtime.until(b!.invalidate('k', { fence: 5 }))
    store.forgetLane()
    await runtime.advance(19_000)
    expect(await runtime.until(a!.getOrSet('k', () => 'old'))).toBe('old')
    expect((await runtime.until(b!.set('l', 1))).tiers).toEqual({ memory: 'skipped', shared: 'skipped' })
    expect([a!.peek('k'), store.head(storedOf).record]).toEqual([undefined, 'deleted'])
    await runtime.advance(2000)
    expect(await runtime.until(a!.getOrSet('k', () => 'new'))).toBe('new')
    expect(store.head(storedOf).record).toBe('held')
  })

  it('is nothing to wait for where it does not', async () => {
    const { runtime, members, store } = await startFleet({ members: 1, defaults: { sourceLag: false } })
    store.forgetLane()
    await runtime.until(members[0]!.cache.getOrSet('k', () => 1))
    expect(store.head(storedOf).record).toBe('held')
  })
})
