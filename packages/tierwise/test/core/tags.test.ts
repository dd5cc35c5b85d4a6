import { describe, expect, test } from 'vitest'

import { createCacheManager } from '../../src/create-cache-manager.ts'
import { TagTable } from '../../src/core/tags/tags.ts'
import type { GuardedTagStore } from '../../src/core/tags/tag-keeper.ts'
import type { TagMarks } from '../../src/contract/tags.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { fakeRuntime, faultPlan, faultTier, mapTier } from '../../src/testing/index.ts'
import type { CacheManager } from '../../src/contract/cache.ts'
import type { TierDefinition } from '../../src/contract/tier.ts'
import { stackOpener, stacks, stacksWithTiers } from '../stacks.ts'

const open = stackOpener()

describe.each(stacks)('tags over $name', (definition) => {
  test('end what carries one of them and nothing else', async () => {
    const { cache } = open(definition)
    await cache.set('ab', 1, { tags: ['a', 'b'] })
    await cache.set('b', 2, { tags: ['b'] })
    await cache.set('c', 3, { tags: ['c'] })
    await cache.set('none', 4)
    await cache.invalidateTags(['a', 'unknown'])
    expect(await cache.getMany(['ab', 'b', 'c', 'none'])).toEqual(
      new Map([
        ['b', 2],
        ['c', 3],
        ['none', 4],
      ]),
    )
    await cache.invalidateTags(['b', 'c'])
    expect(await cache.getMany(['ab', 'b', 'c', 'none'])).toEqual(new Map([['none', 4]]))
  })

  test('count for what is written afterwards anew', async () => {
    const { cache } = open(definition)
    await cache.invalidateTags(['a'])
    await cache.set('key', 1, { tags: ['a'] })
    expect(await cache.get('key')).toBe(1)
    await cache.getOrSet('loaded', () => 2, { tags: ['a'] })
    expect(await cache.get('loaded')).toBe(2)
    await cache.invalidateTags(['a'])
    expect(await cache.getMany(['key', 'loaded'])).toEqual(new Map())
  })

  test('come from the namespace, the call and the loader together', async () => {
    const { cache } = open(definition, { namespace: { tags: ['all'] } })
    await cache.getOrSet(
      'key',
      ({ setTags }) => {
        setTags(['late'])
        return 1
      },
      { tags: ['call'] },
    )
    expect((await cache.getEntry('key'))?.tags).toEqual(['all', 'call', 'late'])
    for (const tag of ['all', 'call', 'late']) {
      await cache.getOrSet(
        'key',
        ({ setTags }) => {
          setTags(['late'])
          return 1
        },
        { tags: ['call'] },
      )
      await cache.invalidateTags([tag])
      expect(await cache.get('key'), tag).toBeUndefined()
    }
  })

  test('of a loader end a load that was under way when they were invalidated', async () => {
    const { cache, runtime } = open(definition)
    let finish = (): void => undefined
    const gate = new Promise<void>((resolve) => (finish = resolve))
    const load = cache.getOrSet('key', async ({ setTags }) => {
      await gate
      setTags(['late'])
      return 'old'
    })
    await runtime.settle()
    await cache.invalidateTags(['late'])
    const after = cache.getOrSet('key', () => 'new')
    finish()
    expect(await runtime.until(load)).toBe('old')
    expect(await runtime.until(after)).toBe('new')
    expect(await runtime.until(cache.get('key'))).toBe('new')
  })

  test('of one namespace leave the others alone, those of the manager do not', async () => {
    const { cache, manager } = open(definition)
    const other = manager.namespace('other')
    await cache.set('key', 1, { tags: ['a'] })
    await other.set('key', 2, { tags: ['a'] })
    await cache.invalidateTags(['a'])
    expect([await cache.get('key'), await other.get('key')]).toEqual([undefined, 2])
    await manager.invalidateTags(['a'])
    expect(await other.get('key')).toBeUndefined()
  })

  test('are no fallback either: an invalidated value does not stand in for a failed load', async () => {
    const { cache, runtime } = open(definition, { namespace: { ttl: 1000, grace: '1h', tags: ['a'] } })
    await cache.set('key', 1)
    await runtime.advance(1000)
    await cache.invalidateTags(['a'])
    await expect(cache.getOrSet('key', () => Promise.reject(new Error('down')))).rejects.toMatchObject({
      code: 'ERR_CACHE_LOADER',
    })
  })

  test('do not step over names that look like those of others', async () => {
    const { cache, manager } = open(definition)
    const namespace = manager.namespace('a')
    await namespace.set('key', 1, { tags: ['b'] })
    await cache.set('key', 2, { tags: ['a:b', 'a'] })
    await cache.invalidateTags(['b', ':b', '', 'a:b'].filter((tag) => tag !== ''))
    expect(await namespace.get('key')).toBe(1)
    expect(await cache.get('key')).toBeUndefined()
  })
})

describe.each(stacks)('clear over $name', (definition) => {
  test.each([{ hard: false }, { hard: true }])('forgets this namespace and no other: %o', async (options) => {
    const { cache, manager, runtime } = open(definition)
    const other = manager.namespace('other')
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    await other.set('a', 3)
    await cache.clear(options)
    expect(await cache.getMany(['a', 'b'])).toEqual(new Map())
    expect(await other.get('a')).toBe(3)
    await cache.set('a', 4)
    await runtime.advance(1000)
    expect(await cache.get('a')).toBe(4)
  })

  test('of the manager forgets all', async () => {
    const { cache, manager } = open(definition)
    const other = manager.namespace('other')
    await cache.set('a', 1)
    await other.set('a', 2)
    await manager.clear()
    expect([await cache.get('a'), await other.get('a')]).toEqual([undefined, undefined])
  })

  test('frees the space before it resolves when it is hard', async () => {
    const { cache, manager } = open(definition)
    await cache.setMany(Array.from({ length: 50 }, (_, index) => [`key${index}`, index] as const))
    await cache.clear({ hard: true })
    const { tiers } = await manager.health({ deep: true })
    for (const tier of tiers) expect(tier.usage?.entries, tier.name).toBe(0)
  })
})

const runtime = fakeRuntime()
const managerOver = (...tiers: TierDefinition[]): CacheManager => createCacheManager({ tiers, runtime })

describe('tags across a restart', () => {
  test('are remembered by the tier that keeps them', async () => {
    const tier = mapTier()
    const first = managerOver(tier)
    await first.namespace('n').set('tagged', 1, { tags: ['a'] })
    await first.namespace('n').set('kept', 2, { tags: ['b'] })
    await first.namespace('n').invalidateTags(['a'])
    await first.namespace('m').set('key', 3)
    await first.namespace('m').clear()
    await first.stop()
    const second = managerOver(tier)
    expect(await second.namespace('n').getMany(['tagged', 'kept'])).toEqual(new Map([['kept', 2]]))
    expect(await second.namespace('m').get('key')).toBeUndefined()
    await second.stop()
  })

  test('make tagged entries doubtful where no tier keeps them, and only those', async () => {
    const tier = mapTier({ capabilities: { tags: false } })
    const first = managerOver(tier)
    await first.namespace('n').set('tagged', 1, { tags: ['a'] })
    await first.namespace('n').set('plain', 2)
    await first.stop()
    await runtime.advance(1)
    const second = managerOver(tier)
    expect(await second.namespace('n').getMany(['tagged', 'plain'])).toEqual(new Map([['plain', 2]]))
    await second.stop()
  })

  test('are kept by every tier that can, so that what one forgets another still knows', async () => {
    const slow = mapTier({ name: 'slow', delayMs: 20 })
    const quick = mapTier({ name: 'quick' })
    const first = managerOver(slow, quick)
    await runtime.until(first.start())
    await runtime.until(first.namespace('n').set('key', 1, { tags: ['a'] }))
    await runtime.until(first.namespace('n').invalidateTags(['a']))
    await runtime.until(first.stop())
    for (const tiers of [[slow], [quick], [mapTier({ name: 'slow' }), quick]]) {
      const next = managerOver(...tiers)
      expect(await runtime.until(next.namespace('n').get('key'))).toBeUndefined()
      await runtime.until(next.stop())
    }
  })

  test('reach also the namespaces that this process never used', async () => {
    for (const tags of [true, false]) {
      const tier = mapTier({ capabilities: { tags } })
      const first = managerOver(tier)
      await first.namespace('n').set('key', 1)
      await first.stop()
      const second = managerOver(tier)
      await second.clear()
      expect(await second.namespace('n').get('key')).toBeUndefined()
      await second.stop()
    }
  })
})

describe('tags of a shared tier', () => {
  const pair = async (): Promise<{ here: CacheManager; there: CacheManager; stop: () => Promise<void> }> => {
    const tier = mapTier()
    const [here, there] = [managerOver(memory(), tier), managerOver(memory(), tier)]
    await Promise.all([here.start(), there.start()])
    return { here, there, stop: async () => void (await Promise.all([here.stop(), there.stop()])) }
  }

  test('reach the memory of another process within a second', async () => {
    const { here, there, stop } = await pair()
    await here.namespace('n').set('tagged', 1, { tags: ['a'] })
    await here.namespace('n').set('other', 2, { tags: ['b'] })
    expect(await there.namespace('n').getMany(['tagged', 'other'])).toHaveProperty('size', 2)
    await here.namespace('n').invalidateTags(['a'])
    await runtime.advance(1000)
    expect(await there.namespace('n').getMany(['tagged', 'other'])).toEqual(new Map([['other', 2]]))
    await there.namespace('n').set('tagged', 3, { tags: ['a'] })
    await runtime.advance(1000)
    expect(await there.namespace('n').get('tagged')).toBe(3)
    await stop()
  })

  test.each(['n', '*'])('tell another process of a clear of %s', async (scope) => {
    const { here, there, stop } = await pair()
    await here.namespace('n').set('key', 1)
    await here.namespace('m').set('key', 2)
    expect([await there.namespace('n').get('key'), await there.namespace('m').get('key')]).toEqual([1, 2])
    await (scope === 'n' ? here.namespace('n').clear() : here.clear())
    await runtime.advance(1000)
    expect(there.namespace('n').peek('key')).toBeUndefined()
    expect(there.namespace('m').peek('key')).toBe(scope === 'n' ? 2 : undefined)
    expect(await there.namespace('n').get('key')).toBeUndefined()
    await stop()
  })

  test('end also what a process recorded before it could open the tier', async () => {
    const tier = mapTier()
    const plan = faultPlan()
    const other = managerOver(tier)
    await other.start()
    plan.fail('open', { times: 1 })
    const late = managerOver(faultTier(tier, plan))
    await late.start().catch(() => undefined)
    await runtime.until(late.namespace('n').set('key', 1, { tags: ['a'] }))
    await runtime.advance(2000)
    expect(await other.namespace('n').get('key')).toBe(1)
    await other.namespace('n').invalidateTags(['a'])
    await runtime.advance(1000)
    for (const manager of [late, other]) expect(await manager.namespace('n').get('key')).toBeUndefined()
    await Promise.all([late.stop(), other.stop()])
  })
})

describe('a tag store that has lost its memory', () => {
  const store = (state: { clock: number; floor: number; marks: Map<string, number> }): GuardedTagStore => {
    const load = async (after = -1): Promise<TagMarks> => ({
      ...state,
      marks: new Map([...state.marks].filter(([, mark]) => mark > after)),
    })
    return {
      tier: 'map',
      shared: true,
      load,
      refresh: load,
      invalidate: async (names, atLeast) => {
        state.clock = Math.max(state.clock + 1, atLeast)
        for (const name of names) state.marks.set(name, state.clock)
        return state.clock
      },
    }
  }

  test('is told again what this process knows, and what was recorded before is not trusted', async () => {
    const time = fakeRuntime()
    const state = { clock: 10, floor: 0, marks: new Map([['n:old', 7]]) }
    const table = new TagTable(1, time.timers)
    await table.attach(store(state))
    table.seal()
    expect(table.isCurrent('n', ['a'], 10)).toBe(true)
    Object.assign(state, { clock: 500, floor: 500 })
    state.marks.clear()
    await time.advance(1000)
    expect(state.marks.has('n:old')).toBe(true)
    expect(table.isCurrent('n', ['a'], 10)).toBe(false)
    expect(table.isCurrent('n', ['a'], table.now)).toBe(true)
    await table.close()
    expect(time.pendingTimers).toEqual([])
  })

  test('gets back the marks and the clock it had when an older state of it is restored', async () => {
    const time = fakeRuntime()
    const state = { clock: 10, floor: 0, marks: new Map<string, number>() }
    const table = new TagTable(1, time.timers)
    await table.attach(store(state))
    const cleared: string[] = []
    table.onClear((namespace) => void cleared.push(namespace))
    await table.invalidate(['n:a'])
    await time.advance(1000)
    const recorded = table.now
    expect(table.isCurrent('n', ['b'], recorded)).toBe(true)
    state.marks.clear()
    state.clock = 4
    // Another process has invalidated something since, and the clock says that it was long ago.
    state.marks.set('n:b', 4)
    await time.advance(1000)
    expect(table.isCurrent('n', ['b'], recorded)).toBe(false)
    expect(cleared).toEqual([''])
    expect(state.marks.has('n:a')).toBe(true)
    expect(state.clock).toBeGreaterThanOrEqual(11)
    await table.close()
  })
})

describe('a tag store that fails', () => {
  test('does not fail the invalidation, and gets the marks later', async () => {
    const tier = mapTier()
    const plan = faultPlan()
    const first = managerOver(faultTier(tier, plan))
    const errors: unknown[] = []
    first.on('tier-error', ({ operation }) => void errors.push(operation))
    await first.namespace('n').set('key', 1, { tags: ['a'] })
    plan.fail('tags', { times: 2 })
    await first.namespace('n').invalidateTags(['a'])
    expect(errors).toEqual(['tags'])
    expect(await first.namespace('n').get('key')).toBeUndefined()
    await runtime.advance(2500)
    const second = managerOver(tier)
    expect(await second.namespace('n').get('key')).toBeUndefined()
    await first.stop()
    await second.stop()
  })

  test('gets the marks at the latest when the manager stops', async () => {
    const tier = mapTier()
    const plan = faultPlan()
    const first = managerOver(faultTier(tier, plan))
    await first.namespace('n').set('key', 1)
    plan.fail('tags', { times: 1 })
    await first.namespace('n').clear()
    await first.stop()
    const second = managerOver(tier)
    expect(await second.namespace('n').get('key')).toBeUndefined()
    await second.stop()
  })

  test('costs no more than its deadline when it hangs', async () => {
    const plan = faultPlan()
    const manager = managerOver(faultTier(mapTier(), plan))
    await manager.start()
    plan.hang('tags')
    await runtime.until(manager.namespace('n').invalidateTags(['a']))
    await runtime.until(manager.clear())
    plan.clear()
    await runtime.until(manager.stop())
  })

  test('learns of what was invalidated before it opened', async () => {
    const tier = mapTier()
    const zero = managerOver(tier)
    await zero.namespace('n').set('key', 1, { tags: ['a'] })
    await zero.stop()
    const plan = faultPlan()
    plan.fail('open', { times: 1 })
    const first = managerOver(faultTier(tier, plan))
    await first.namespace('n').invalidateTags(['a'])
    expect(await first.namespace('n').get('key')).toBeUndefined()
    await runtime.advance(1500)
    await first.stop()
    const second = managerOver(tier)
    expect(await second.namespace('n').get('key')).toBeUndefined()
    await second.stop()
  })
})

describe.each(stacksWithTiers)('a wrong list of tags over $name', (definition) => {
  test('is refused by name', async () => {
    const { cache, manager } = open(definition)
    for (const invalidate of [cache.invalidateTags.bind(cache), manager.invalidateTags.bind(manager)]) {
      await expect(invalidate(['a', ''])).rejects.toThrow("`tags[1]` is ''; it must be a text that is not empty.")
      await expect(invalidate('a' as unknown as string[])).rejects.toThrow("`tags` is 'a'; it must be a list of texts.")
    }
  })
})
