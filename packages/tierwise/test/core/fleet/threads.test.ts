import { onTestFinished, expect, it } from 'vitest'
import { memoryBus, memoryHub } from '../../../src/buses/index.ts'
import type { Cache } from '../../../src/contract/cache.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { memory } from '../../../src/tiers/memory/index.ts'

it('managers that share no tier hear of each other over a bus of their own', async () => {
  const runtime = fakeRuntime()
  const hub = memoryHub(runtime)
  const caches = [1, 2].map((): Cache<number> => {
    const manager = createCacheManager({ tiers: [memory()], bus: memoryBus(hub), runtime })
    onTestFinished(() => runtime.until(manager.stop()))
    return manager.namespace<number>('n')
  })
  const [one, other] = [caches[0]!, caches[1]!]
  await runtime.until(Promise.all([one.get('k'), other.get('k')]))
  await runtime.advance(1000)
  for (const cache of caches) await runtime.until(cache.getOrSet('k', () => 1, { tags: ['t'] }))
  expect([one.peek('k'), other.peek('k')]).toEqual([1, 1])
  await runtime.until(one.set('k', 2, { tags: ['t'] }))
  await runtime.settle()
  expect([one.peek('k'), other.peek('k')]).toEqual([2, undefined])
  await runtime.until(other.getOrSet('k', () => 3, { tags: ['t'] }))
  await runtime.until(one.invalidateTags(['t']))
  await runtime.settle()
  expect([one.peek('k'), other.peek('k')]).toEqual([undefined, undefined])
  await runtime.until(other.set('k', 4))
  await runtime.until(one.set('l', 4))
  await runtime.until(one.clear())
  await runtime.settle()
  expect([one.peek('l'), other.peek('k')]).toEqual([undefined, undefined])
  hub.faults.loss = 1
  await runtime.until(other.set('k', 5))
  expect(other.peek('k')).toBe(5)
  await runtime.advance(6000)
  expect(other.peek('k')).toBe(undefined)
})
