import { describe, expect, test } from 'vitest'

import type { TierDefinition } from '../../../src/contract/tier.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { mapTier, testCache } from '../../../src/testing/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { starter } from '../started.ts'
import { chainOpener, chains, listed } from './chains.ts'
import { deferred } from './deferred.ts'
import { furnish } from './verbs.ts'

const open = chainOpener()
const start = starter()

describe.each(chains)('a clear of one tenant, over %s', (chain) => {
  test('ends loads of its own that are under way, and of nobody else', async () => {
    const { acme, bell } = open(chain)
    const gate = deferred()
    const loads = [acme, bell].map((view, at) => {
      const begun = deferred()
      const load = async (): Promise<number> => {
        begun.resolve()
        await gate.promise
        return at
      }
      return { begun: begun.promise, landed: view.getOrSet('key', load) }
    })
    await Promise.all(loads.map(({ begun }) => begun))
    await acme.clear()
    gate.resolve()
    expect(await Promise.all(loads.map(({ landed }) => landed))).toEqual([0, 1])
    expect([await acme.get('key'), await bell.get('key')]).toEqual([undefined, 1])
  })

  test('forgets what its loaders had failed with, and nobody else', async () => {
    const { acme, bell } = open(chain, { negativeTtl: '1m' })
    const runs = { acme: 0, bell: 0 }
    const absent = (tenant: 'acme' | 'bell') => () => void runs[tenant]++
    await Promise.all([acme.getOrSet('key', absent('acme')), bell.getOrSet('key', absent('bell'))])
    await acme.clear()
    await Promise.all([acme.getOrSet('key', absent('acme')), bell.getOrSet('key', absent('bell'))])
    await acme.invalidatePattern('*')
    await Promise.all([acme.getOrSet('key', absent('acme')), bell.getOrSet('key', absent('bell'))])
    expect(runs).toEqual({ acme: 3, bell: 1 })
  })

  test('does not remember what a load under way finds absent afterwards, and makes nobody wait for it', async () => {
    const { acme } = open(chain, { negativeTtl: '1m' })
    const [gate, begun] = [deferred(), deferred()]
    const old = acme.getOrSet('key', async () => {
      begun.resolve()
      await gate.promise
      return undefined
    })
    await begun.promise
    await acme.clear()
    const later = acme.getOrSet('key', () => 'there by now')
    gate.resolve()
    expect([await old, await later]).toEqual([undefined, 'there by now'])
    expect(await acme.getOrSet('key', () => 'again')).toBe('there by now')
  })

  test('frees the space when it is asked to', async () => {
    const { acme, bell, manager } = open(chain)
    await Promise.all([furnish(acme, 'acme'), furnish(bell, 'bell')])
    const entries = async (): Promise<unknown> => {
      const { tiers } = await manager.health({ deep: true })
      return tiers.map(({ usage }) => usage?.entries)
    }
    expect(await entries()).toEqual(chain === 'memory' || chain === 'bytes' ? [4] : [4, 4])
    await acme.clear({ hard: true })
    expect(await entries()).toEqual(chain === 'memory' || chain === 'bytes' ? [2] : [2, 2])
    await bell.clear()
    await bell.clear({ hard: true })
    expect(((await entries()) as number[]).at(-1)).toBe(chain === 'memory' ? 2 : 0)
  })

  test('by the operator reaches all', async () => {
    const { acme, bell, whole, manager } = open(chain)
    const furnished = (): Promise<unknown> => Promise.all([furnish(acme, 'acme'), furnish(bell, 'bell')])
    await furnished()
    await whole.invalidateTags(['first'])
    expect(await listed(whole)).toEqual(['acme:two', 'bell:two'])
    await manager.invalidateTags(['tag'])
    expect(await listed(whole)).toEqual([])
    await furnished()
    expect(await whole.invalidatePattern('*:two')).toBe(2)
    expect([await listed(acme), await listed(bell)]).toEqual([['one'], ['one']])
    expect(await whole.invalidatePattern('bell:*')).toBe(1)
    expect([await listed(acme), await listed(bell)]).toEqual([['one'], []])
    await whole.clear()
    expect(await listed(whole)).toEqual([])
    await furnished()
    await manager.clear({ hard: true })
    expect(await listed(whole)).toEqual([])
  })
})

describe('a clear of one tenant', () => {
  test('reaches what another process holds in memory, and nobody else', async () => {
    const tier = mapTier()
    const [here, there] = [open(tier), open(tier)]
    await Promise.all([furnish(here.acme, 'acme'), furnish(here.bell, 'bell')])
    expect(await Promise.all([there.acme.get('one'), there.bell.get('one')])).toEqual(['acme one', 'bell one'])
    await here.acme.clear()
    const isForgotten = async (): Promise<boolean> => (await there.acme.get('one')) === undefined
    await until(isForgotten, { what: 'the clear to arrive' })
    expect(await there.bell.get('one')).toBe('bell one')
  })

  test('holds where a tier cannot be told, and says so when it is strict', async () => {
    const test = start(
      testCache().memory().faulty('map').namespace('test', { tenant: 'required' }).options({ retries: 0 }).build(),
    )
    const { runtime, cache, faults } = test
    const [acme, bell] = [cache.forTenant('acme'), cache.forTenant('bell')]
    await runtime.until(Promise.all([furnish(acme, 'acme'), furnish(bell, 'bell')]))
    faults.map.fail('*')
    await expect(runtime.until(acme.clear({ strict: true }))).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE' })
    await expect(runtime.until(acme.clear({ strict: true, hard: true }))).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_WRITE',
    })
    expect(await runtime.until(acme.get('one'))).toBeUndefined()
    expect(await runtime.until(bell.get('one'))).toBe('bell one')
    faults.map.clear()
    await runtime.advance(60_000)
    expect(await runtime.until(acme.get('one'))).toBeUndefined()
    expect(await runtime.until(bell.get('one', { tiers: ['map'] }))).toBe('bell one')
  })

  test.each(['scan', 'delete'] as const)(
    'that is hard and strict says where space was not freed: %s',
    async (failing) => {
      const { runtime, cache, faults } = start(
        testCache().memory().faulty('map').namespace('test', { tenant: 'required' }).options({ retries: 0 }).build(),
      )
      const acme = cache.forTenant('acme')
      await runtime.until(furnish(acme, 'acme'))
      faults.map.fail(failing)
      await runtime.until(acme.clear({ strict: true }))
      await runtime.until(furnish(acme, 'acme'))
      await expect(runtime.until(acme.clear({ hard: true, strict: true }))).rejects.toMatchObject({ tier: 'map' })
      await runtime.until(acme.clear({ hard: true }))
    },
  )

  test('forgets copies of what a source has, which carry no tags', async () => {
    const store = mapTier()
    const writer = createCacheManager({ tiers: [store], prefix: 'tenants' })
    for (const key of ['acme:key', 'bell:key']) await writer.namespace('test').set(key, key)
    const source: TierDefinition = {
      ...store,
      create: (context) => {
        const tier = store.create(context)
        return Object.defineProperty(tier, 'capabilities', { value: { ...tier.capabilities, readOnly: true } })
      },
    }
    const { acme, bell } = open(source)
    expect([await acme.get('key'), await bell.get('key')]).toEqual(['acme:key', 'bell:key'])
    expect([acme.peek('key'), bell.peek('key')]).toEqual(['acme:key', 'bell:key'])
    await acme.clear()
    expect([acme.peek('key'), bell.peek('key')]).toEqual([undefined, 'bell:key'])
    await writer.stop()
  })

  test.each([true, false])('leaves nothing behind in the queue of late writes, with memory: %s', async (hasMemory) => {
    const test = start(
      (hasMemory ? testCache().memory() : testCache())
        .tier(mapTier({ delayMs: 50 }))
        .namespace('test', { tenant: 'required', writeMode: 'behind' })
        .build(),
    )
    const { runtime, cache, manager } = test
    const [acme, bell] = [cache.forTenant('acme'), cache.forTenant('bell')]
    await runtime.until(Promise.all(['1', '2'].flatMap((key) => [acme.set(key, 1), bell.set(key, 1)])))
    await Promise.all([acme.set('3', 1), bell.set('3', 1)])
    // Those are on their way now, and these wait for them.
    await runtime.advance(1)
    await Promise.all([acme.set('4', 1), bell.set('4', 1)])
    const waiting = (await manager.health()).pendingWrites
    const cleared = acme.clear({ hard: true })
    expect((await manager.health()).pendingWrites).toBe(waiting / 2)
    await runtime.until(cleared)
    await runtime.advance(1000)
    expect((await runtime.until(manager.health({ deep: true }))).tiers.at(-1)?.usage?.entries).toBe(4)
    expect(await runtime.until(bell.getMany(['1', '2', '3', '4']))).toHaveProperty('size', 4)
    expect(await runtime.until(acme.getMany(['1', '2', '3', '4']))).toHaveProperty('size', 0)
  })
})
