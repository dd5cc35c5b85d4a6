import { afterEach, describe, expect, test } from 'vitest'

import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { fakeRuntime, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

function open(requiredTiers: readonly string[] = []): TestCache<'store'> {
  const runtime = fakeRuntime()
  const opened = testCache()
    .memory()
    .faulty('store')
    .options({ requiredTiers, breaker: { failures: 1 } })
    .runtime(runtime)
    .build()
  stops.push(() => runtime.until(opened.manager.stop()))
  return opened
}

/** The tier fails until its breaker opens. */
async function breakStore({ cache, faults, runtime }: TestCache<'store'>): Promise<void> {
  faults.store.fail('*')
  await runtime.until(cache.get('key'))
}

describe('a manager that needs no tier', () => {
  test('is up, degraded while a tier is left alone, and up again', async () => {
    const opened = open()
    const { cache, manager, faults, runtime } = opened
    await runtime.until(cache.get('key'))
    expect(await manager.health()).toMatchObject({ status: 'up', healthy: true, live: true, ready: true })
    await breakStore(opened)
    expect(await manager.health()).toMatchObject({ status: 'degraded', healthy: false, live: true, ready: true })
    faults.store.clear()
    await runtime.advance(5000)
    for (let at = 0; at < 6; at++) {
      await runtime.until(cache.get('key'))
      await runtime.settle()
    }
    expect(await manager.health()).toMatchObject({ status: 'up', healthy: true, live: true, ready: true })
  })

  test('is ready before its first use, or traffic would never come', async () => {
    expect(await open().manager.health()).toMatchObject({ status: 'up', state: 'new', live: true, ready: true })
  })

  test('is not live once it is stopped', async () => {
    const { manager, runtime } = open()
    await runtime.until(manager.stop())
    expect(await manager.health()).toMatchObject({ status: 'down', state: 'stopped', live: false, ready: false })
    expect(await manager.health({ deep: true })).toMatchObject({ status: 'down', live: false })
  })
})

describe('a manager that needs a tier', () => {
  test('is ready once the tier was opened, and down while it cannot be used', async () => {
    const opened = open(['store'])
    const { manager, runtime } = opened
    expect(await manager.health()).toMatchObject({ live: true, ready: false })
    await runtime.until(manager.start())
    expect(await manager.health()).toMatchObject({ status: 'up', live: true, ready: true })
    await breakStore(opened)
    expect(await manager.health()).toMatchObject({ status: 'down', live: true, ready: false })
  })

  test('is down as soon as a deep look shows it', async () => {
    const { manager, faults, runtime } = open(['store'])
    await runtime.until(manager.start())
    faults.store.fail('usage', { times: 5 })
    expect(await runtime.until(manager.health({ deep: true }))).toMatchObject({ status: 'down', ready: false })
  })

  test('is refused a tier that it does not have', () => {
    expect(() => createCacheManager({ tiers: [memory()], requiredTiers: ['redis'] })).toThrowError(
      "`options.requiredTiers[0]` is 'redis'; it must be one of memory.",
    )
  })
})
