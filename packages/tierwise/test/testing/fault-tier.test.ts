import * as vitest from 'vitest'
import { describe, expect, it } from 'vitest'

import type { LocalTier, Tier } from '../../src/contract/tier.ts'
import { fakeRuntime, type FakeRuntime } from '../../src/testing/fake-runtime.ts'
import { faultPlan, type FaultPlan } from '../../src/testing/fault-plan.ts'
import { faultTier } from '../../src/testing/fault-tier.ts'
import { mapTier } from '../../src/testing/map-tier.ts'
import { sharedStore } from '../../src/testing/shared-store.ts'
import { tierConformance } from '../../src/testing/tier-conformance.ts'

tierConformance({ name: 'faults without a plan', definition: () => faultTier(mapTier(), faultPlan()), runner: vitest })

interface Setup {
  readonly tier: Tier
  readonly faults: FaultPlan
  readonly runtime: FakeRuntime
}

async function faulty(seed = 1): Promise<Setup> {
  const runtime = fakeRuntime()
  const { clock, timers, random } = runtime
  const faults = faultPlan({ seed })
  const definition = faultTier(mapTier({ name: 'l2' }), faults)
  const tier = definition.create({ name: 'l2', prefix: 'tw', report: () => {}, clock, timers, random }) as Tier
  await tier.open()
  return { tier, faults, runtime }
}

const record = (key: string, version = 1) => ({ key, bytes: Uint8Array.of(1, 2, 3, 4), expiresAt: Infinity, version })
const bytesOf = async (tier: Tier, key: string): Promise<number[] | undefined> =>
  (await tier.get([key], (bytes) => [...bytes]))[0]

describe('faultTier', () => {
  it('hides neither the authority nor the bus of a tier', async () => {
    const { clock, timers, random } = fakeRuntime()
    const context = { name: 'shared', prefix: 'tw', report: () => {}, clock, timers, random }
    const shared = sharedStore({ clock, random })
    const faults = faultPlan({ seed: 1 }).fail('set')
    const tier = faultTier(shared.tier(), faults).create(context) as Tier
    await tier.open()
    expect(await tier.authority?.change([{ key: 'k', operation: 'delete', order: 1 }])).toHaveLength(1)
    expect(tier.bus?.lanes).toBe(1)
    await tier.close()
    expect((await faulty()).tier.authority).toBeUndefined()
  })

  it('tells the version of a damaged record', async () => {
    const { clock, timers, random } = fakeRuntime()
    const context = { name: 'shared', prefix: 'tw', report: () => {}, clock, timers, random }
    const faults = faultPlan({ seed: 1 }).corrupt('get')
    const tier = faultTier(sharedStore({ clock, random }).tier(), faults).create(context) as Tier
    await tier.open()
    await tier.set([record('a', 7)])
    expect(await tier.get(['a'], (_bytes, _index, version) => version)).toEqual([7])
    await tier.close()
  })

  it('fails the calls it is told to and no others', async () => {
    const { tier, faults } = await faulty()
    faults.fail('get', { after: 1, times: 2 })
    await bytesOf(tier, 'a')
    await expect(bytesOf(tier, 'a')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_READ', retryable: true })
    await expect(bytesOf(tier, 'a')).rejects.toThrow('fails get')
    await bytesOf(tier, 'a')
    await tier.set([record('a')])
  })

  it('fails before the work, or after it as a lost reply does', async () => {
    const { tier, faults } = await faulty()
    const error = new Error('ECONNRESET')
    faults.fail('set', { times: 1, error })
    await expect(tier.set([record('a')])).rejects.toBe(error)
    expect(await bytesOf(tier, 'a')).toBeUndefined()
    faults.fail('set', { times: 1, error, when: 'after' })
    await expect(tier.set([record('a')])).rejects.toBe(error)
    expect(await bytesOf(tier, 'a')).toEqual([1, 2, 3, 4])
  })

  it('fails every operation with a star', async () => {
    const { tier, faults } = await faulty()
    faults.fail('*')
    await expect(tier.get(['a'], () => 1)).rejects.toThrow()
    await expect(tier.set([record('a')])).rejects.toThrow()
    await expect(tier.delete(['a'], 1)).rejects.toThrow()
    await expect(tier.clear('a', 1)).rejects.toThrow()
    await expect(tier.usage()).rejects.toThrow()
    await expect(tier.tags?.invalidate(['t'], 0)).rejects.toThrow()
    await expect(listOf(tier.scan('', () => 1))).rejects.toThrow()
    await expect(tier.close()).rejects.toThrow()
  })

  it('hangs until it is released', async () => {
    const { tier, faults, runtime } = await faulty()
    faults.hang('set', { times: 1 })
    let isDone = false
    const writing = tier.set([record('a')]).then(() => (isDone = true))
    await runtime.advance(3_600_000)
    expect([isDone, faults.hanging]).toEqual([false, 1])
    expect(await bytesOf(tier, 'a')).toBeUndefined()
    faults.release()
    await writing
    expect([await bytesOf(tier, 'a'), faults.hanging]).toEqual([[1, 2, 3, 4], 0])
  })

  it('delays on the injected timers', async () => {
    const { tier, faults, runtime } = await faulty()
    faults.delay('get', 50)
    let isDone = false
    const reading = bytesOf(tier, 'a').then(() => (isDone = true))
    await runtime.advance(49)
    expect(isDone).toBe(false)
    await runtime.advance(1)
    await reading
  })

  it('rejects what hangs or waits when it is closed', async () => {
    const { tier, faults, runtime } = await faulty()
    faults.hang('get').delay('set', 50)
    const pending = Promise.allSettled([bytesOf(tier, 'a'), tier.set([record('a')])])
    await runtime.settle()
    await tier.close()
    const reasons = (await pending).map((result) => result.status === 'rejected' && result.reason.code)
    expect(reasons).toEqual(['ERR_CACHE_TIER_CLOSED', 'ERR_CACHE_TIER_CLOSED'])
    expect([runtime.pendingTimers, faults.hanging]).toEqual([[], 0])
  })

  it('turns one bit, cuts the record or shows foreign bytes, and leaves the store whole', async () => {
    const { tier, faults } = await faulty()
    await tier.set([record('a')])
    faults.corrupt('get', { times: 1 })
    const flipped = (await bytesOf(tier, 'a')) ?? []
    const bits = flipped.reduce((sum, byte, index) => sum + bitsOf(byte ^ (index + 1)), 0)
    expect([flipped.length, bits]).toEqual([4, 1])
    faults.corrupt('get', { times: 1, how: 'truncate' })
    expect(await bytesOf(tier, 'a')).toEqual([1, 2])
    faults.corrupt('get', { times: 1, how: 'foreign' })
    expect(Buffer.from((await bytesOf(tier, 'a')) ?? []).toString()).toContain('another program')
    expect(await bytesOf(tier, 'a')).toEqual([1, 2, 3, 4])
  })

  it('damages a record at rest and in a scan', async () => {
    const { tier, faults } = await faulty()
    faults.corrupt('set', { times: 1, how: 'truncate' }).corrupt('scan', { how: 'truncate' })
    const given = record('a')
    await tier.set([given])
    expect(given.bytes).toEqual(Uint8Array.of(1, 2, 3, 4))
    expect(await bytesOf(tier, 'a')).toEqual([1, 2])
    expect(await listOf(tier.scan('', (bytes) => [...bytes]))).toEqual([[1]])
  })

  it('confirms writes that it drops', async () => {
    const { tier, faults } = await faulty()
    await tier.set([record('a')])
    faults.drop('set').drop('delete').drop('clear')
    expect(await tier.set([record('b')])).toEqual(['applied'])
    expect(await tier.delete(['a'], 5)).toEqual([true])
    await tier.clear('', 9)
    expect([await bytesOf(tier, 'a'), await bytesOf(tier, 'b')]).toEqual([[1, 2, 3, 4], undefined])
    faults.clear()
    faults.drop('get').drop('scan')
    expect(await bytesOf(tier, 'a')).toBeUndefined()
    expect(await listOf(tier.scan('', () => 1))).toEqual([])
  })

  it('leaves the buffer of the caller alone when it damages a record at rest', async () => {
    const { tier, faults } = await faulty()
    faults.corrupt('set')
    const given = record('a')
    await tier.set([given])
    expect(given.bytes).toEqual(Uint8Array.of(1, 2, 3, 4))
    expect(await bytesOf(tier, 'a')).not.toEqual([1, 2, 3, 4])
  })

  it('does a call twice and answers with the first result', async () => {
    const { clock, timers, random } = fakeRuntime()
    const [seen, faults] = [faultPlan(), faultPlan()]
    const definition = faultTier(faultTier(mapTier(), seen), faults)
    const tier = definition.create({ name: 'l2', prefix: 'tw', report: () => {}, clock, timers, random }) as Tier
    await tier.open()
    faults.duplicate('set').duplicate('delete').duplicate('clear')
    expect(await tier.set([record('a')])).toEqual(['applied'])
    expect(await tier.delete(['a'], 2)).toEqual([true])
    await tier.clear('a', 3)
    expect(seen.calls.map((call) => call.operation)).toEqual([
      'open',
      'set',
      'set',
      'delete',
      'delete',
      'clear',
      'clear',
    ])
  })

  it('lets chance decide, the same way for the same seed', async () => {
    const run = async (seed: number): Promise<string> => {
      const { tier, faults } = await faulty(seed)
      faults.fail('get', { probability: 0.3 })
      const results = await Promise.allSettled(Array.from({ length: 200 }, () => bytesOf(tier, 'a')))
      return results.map((result) => result.status[0]).join('')
    }
    const pattern = await run(5)
    expect(await run(5)).toBe(pattern)
    expect(await run(6)).not.toBe(pattern)
    const failed = pattern.split('r').length - 1
    expect(failed).toBeGreaterThan(35)
    expect(failed).toBeLessThan(85)
  })

  it('records the calls with their keys and what hit them', async () => {
    const { tier, faults } = await faulty()
    faults.drop('set')
    await tier.set([record('a'), record('b')])
    await bytesOf(tier, 'a')
    await tier.clear('users:', 3)
    await tier.tags?.invalidate(['red'], 0)
    expect(faults.calls.slice(1)).toEqual([
      { operation: 'set', keys: ['a', 'b'], faults: ['drop'] },
      { operation: 'get', keys: ['a'], faults: [] },
      { operation: 'clear', keys: ['users:'], faults: [] },
      { operation: 'tags', keys: ['red'], faults: [] },
    ])
    expect(faults.callsOf('get')).toHaveLength(1)
  })

  it('ends all faults with clear and lets hanging calls go on', async () => {
    const { tier, faults, runtime } = await faulty()
    faults.hang('get').fail('set')
    const reading = bytesOf(tier, 'a')
    await runtime.settle()
    faults.clear()
    expect(await reading).toBeUndefined()
    expect(await tier.set([record('a')])).toEqual(['applied'])
  })

  it('refuses a tier that answers in the same call', () => {
    const local = { name: 'memory', create: () => ({ sync: true }) as LocalTier }
    const { clock, timers, random } = fakeRuntime()
    const create = () =>
      faultTier(local, faultPlan()).create({ name: 'm', prefix: 'tw', report: () => {}, clock, timers, random })
    expect(create).toThrow('answers in the same call')
  })
})

async function listOf<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const value of values) list.push(value)
  return list
}

function bitsOf(byte: number): number {
  return byte.toString(2).replaceAll('0', '').length
}
