import * as vitest from 'vitest'
import { describe, expect, it } from 'vitest'

import type { Tier, TierCapabilities } from '../../src/contract/tier.ts'
import { fakeRuntime, type FakeRuntime } from '../../src/testing/fake-runtime.ts'
import { mapTier, type MapTierOptions } from '../../src/testing/map-tier.ts'
import { tierConformance } from '../../src/testing/tier-conformance.ts'

const capabilities = ['shared', 'durable', 'versions', 'scan', 'bytes', 'tags', 'notes'] as const

const variants: readonly Partial<TierCapabilities>[] = [
  {},
  ...capabilities.map((capability) => ({ [capability]: false })),
  { shared: false, durable: false },
  Object.fromEntries(capabilities.map((capability) => [capability, false])),
]

for (const off of variants) {
  const name = Object.keys(off).join(', ') || 'nothing'
  tierConformance({
    name: `map without ${name}`,
    definition: () => mapTier({ capabilities: off }),
    runner: vitest,
    loneSurrogates: true,
  })
}

tierConformance({ name: 'map on the system clock', definition: () => mapTier(), runner: vitest, clock: 'system' })

describe('mapTier', () => {
  async function opened(options: MapTierOptions): Promise<{ tier: Tier; runtime: FakeRuntime }> {
    const runtime = fakeRuntime()
    const { clock, timers, random } = runtime
    const tier = mapTier(options).create({ name: 'map', prefix: 'tw', report: () => {}, clock, timers, random })
    if (tier.sync) throw new Error('a byte tier was expected')
    await tier.open()
    return { tier, runtime }
  }

  const record = { key: 'a', bytes: Uint8Array.of(1, 2, 3), expiresAt: Infinity, version: 1 }

  it('overwrites the buffer it has shown', async () => {
    const { tier } = await opened({})
    await tier.set([record])
    const [kept] = await tier.get(['a'], (bytes) => bytes)
    expect(kept).toEqual(Uint8Array.of(0xa5, 0xa5, 0xa5))
    expect(await tier.get(['a'], (bytes) => [...bytes])).toEqual([[1, 2, 3]])
  })

  it('takes its time on the injected timers', async () => {
    const { tier, runtime } = await opened({ delayMs: 20 })
    let done = false
    const reading = tier.get(['a'], () => 1).then(() => (done = true))
    await runtime.advance(19)
    expect(done).toBe(false)
    await runtime.advance(1)
    await reading
  })

  it('rejects what is waiting when it is closed and leaves no timer', async () => {
    const { tier, runtime } = await opened({ delayMs: 20 })
    const reading = tier.get(['a'], () => 1)
    await tier.close()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_CLOSED' })
    expect(runtime.pendingTimers).toEqual([])
  })

  it('refuses records beyond its limit', async () => {
    const { tier } = await opened({ maxRecordBytes: 2 })
    expect(await tier.set([record, { ...record, bytes: Uint8Array.of(1) }])).toEqual(['refused', 'applied'])
  })

  it('keeps a store of its own for each instance when it is neither shared nor durable', async () => {
    const definition = mapTier({ capabilities: { shared: false, durable: false } })
    const { clock, timers, random } = fakeRuntime()
    const create = async (): Promise<Tier> => {
      const tier = definition.create({ name: 'map', prefix: 'tw', report: () => {}, clock, timers, random }) as Tier
      await tier.open()
      return tier
    }
    const [one, other] = [await create(), await create()]
    await one.set([record])
    expect(await other.get(['a'], () => 1)).toEqual([undefined])
  })
})
