import { afterEach, describe, expect, test } from 'vitest'

import { ProcessAuthority } from '../../src/core/process-authority.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import type { Cache, CacheManager } from '../../src/contract/cache.ts'
import { fakeRuntime, faultPlan, faultTier, mapTier } from '../../src/testing/index.ts'
import type { FakeRuntime } from '../../src/testing/index.ts'

const noon = Date.UTC(2026, 0, 1, 12)

const opened: { readonly manager: CacheManager; readonly runtime: FakeRuntime }[] = []
afterEach(async () => {
  for (const { manager, runtime } of opened.splice(0)) await runtime.until(manager.stop())
})

describe('an authority', () => {
  test('follows the clock of the store', () => {
    let offsetMs = 0
    const { clock } = fakeRuntime({ now: noon })
    const authority = new ProcessAuthority(clock, () => offsetMs)
    expect(authority.nextVersion()).toBe(noon * 1000)
    offsetMs = 5000
    expect(authority.nextVersion()).toBe((noon + 5000) * 1000)
    expect(authority.instant()).toBe((noon + 5000) * 1000)
  })

  test('never steps back, however the clock of the store does', () => {
    let offsetMs = 60_000
    const { clock } = fakeRuntime({ now: noon })
    const authority = new ProcessAuthority(clock, () => offsetMs)
    let last = authority.nextVersion()
    for (const next of [-60_000, 0, 59_999, 0.0001, 60_000, -1e9]) {
      offsetMs = next
      const version = authority.nextVersion()
      expect(version).toBeGreaterThan(last)
      expect(Number.isSafeInteger(version)).toBe(true)
      last = version
    }
  })
})

describe('two processes whose clocks are five seconds apart', () => {
  const pair = async (hasStoreClock: boolean): Promise<readonly [fast: Cache, slow: Cache]> => {
    const store = fakeRuntime({ now: noon })
    const tier = mapTier({ name: 'store', ...(hasStoreClock ? { storeClock: store.clock } : {}) })
    const [fast, slow] = [noon + 5000, noon].map((now) => {
      const runtime = fakeRuntime({ now })
      const manager = createCacheManager({ tiers: [faultTier(tier, faultPlan())], runtime, defaults: { ttl: '1h' } })
      opened.push({ manager, runtime })
      return manager.namespace('n')
    })
    // Opened before anything is written: a tier may tell the newest version that it holds when it opens.
    await Promise.all([fast!.get('key'), slow!.get('key')])
    return [fast!, slow!]
  }

  test('agree on the order of writes: the later one wins, though its clock is slow', async () => {
    const [fast, slow] = await pair(true)
    await fast.set('key', 'first')
    const { tiers } = await slow.set('key', 'second')
    expect(tiers).toEqual({ store: 'applied' })
    expect(await fast.get('key')).toBe('second')
    expect(await slow.delete('key')).toBe(true)
    expect(await fast.get('key')).toBeUndefined()
  })

  test('would not without the clock of the store', async () => {
    const [fast, slow] = await pair(false)
    await fast.set('key', 'first')
    expect((await slow.set('key', 'second')).tiers).toEqual({ store: 'skipped' })
  })
})

test('a tier that is not shared does not set the clock of the versions, the next that is does', async () => {
  const runtime = fakeRuntime({ now: noon })
  const ahead = (ms: number) => ({ now: () => runtime.clock.now() + ms })
  const manager = createCacheManager({
    tiers: [
      mapTier({ name: 'own', capabilities: { shared: false }, storeClock: ahead(1000) }),
      mapTier({ name: 'unknown' }),
      mapTier({ name: 'shared', storeClock: ahead(2000) }),
      mapTier({ name: 'further', storeClock: ahead(3000) }),
    ],
    runtime,
  })
  opened.push({ manager, runtime })
  const { version } = await manager.namespace('n').set('key', 1)
  expect(version).toBe((noon + 2000) * 1000)
})
