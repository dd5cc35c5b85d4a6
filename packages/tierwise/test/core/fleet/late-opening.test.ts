import { expect, it, onTestFinished } from 'vitest'

import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { atOnce, startFleet } from './fleet.ts'

it.each([
  { verb: 'invalidateTags', mark: 'factors:t' },
  { verb: 'clear', mark: 'factors' },
])('a store that opens late gives nothing older than $verb', async ({ verb, mark }) => {
  const { runtime, store, join } = await startFleet({ members: 0 })
  const place = store.instances.length
  const manager = createCacheManager({ tiers: [memory(), store.tier()], runtime })
  onTestFinished(() => runtime.until(manager.stop()))
  const instance = store.instances[place]!
  instance.cut()
  const cache = manager.namespace('factors')
  await runtime.until(cache.get('k'))
  await runtime.advance(1000)
  const { cache: other } = await join()
  await atOnce(other.invalidateTags(['another']))
  await atOnce(other.set('k', 1, { tags: ['t'] }))
  await runtime.until(verb === 'clear' ? cache.clear() : cache.invalidateTags(['t']))
  instance.mend()
  await runtime.advance(10_000)
  const told = instance.pause('tags', { moment: 'before', key: mark })
  expect(await atOnce(cache.get('k'))).toBe(undefined)
  told.resume()
})

it('a store that opens late is told of tags by a process that does nothing else', async () => {
  const { runtime, store, join } = await startFleet({ members: 0 })
  const { cache: other } = await join()
  await atOnce(other.set('k', 1, { tags: ['t'] }))
  const place = store.instances.length
  const manager = createCacheManager({ tiers: [memory(), store.tier()], runtime })
  onTestFinished(() => runtime.until(manager.stop()))
  const instance = store.instances[place]!
  instance.cut()
  await runtime.until(manager.namespace('factors').invalidateTags(['t']))
  expect(await atOnce(other.get('k'))).toBe(1)
  instance.mend()
  await runtime.advance(30_000)
  expect(await atOnce(other.get('k'))).toBe(undefined)
})
