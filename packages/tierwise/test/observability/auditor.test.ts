import { describe, expect, it } from 'vitest'
import { createAuditor, type AuditorOptions, type Inconsistency } from '../../src/observability/auditor/index.ts'
import { startFleet, type Fleet } from '../core/fleet/fleet.ts'

function audit(fleet: Fleet, options: Partial<AuditorOptions> = {}): ReturnType<typeof createAuditor> {
  const { runtime, members } = fleet
  return createAuditor(members[0]!.manager, { namespaces: { factors: {} }, shared: 'shared', runtime, ...options })
}

describe('an auditor', () => {
  it('finds everything in order where it is', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    for (let key = 0; key < 20; key++) await runtime.until(members[1]!.cache.set(`k${key}`, key))
    for (let key = 0; key < 20; key++) await runtime.until(members[0]!.cache.get(`k${key}`))
    const auditor = audit(fleet)
    await runtime.until(auditor.check())
    expect(auditor.report()).toMatchObject({
      checked: 20,
      suspected: 0,
      inconsistent: 0,
      consistency: 1,
      nines: Infinity,
    })
    await runtime.until(auditor.stop())
    expect(runtime.pendingTimers.some(({ everyMs }) => everyMs === 60_000)).toBe(false)
  })

  it('accuses memory that serves an old value for too long, and shows every look', async () => {
    const fleet = await startFleet({ namespaces: { factors: { coherence: 'off' } } })
    const { runtime, members } = fleet
    await runtime.until(members[0]!.cache.set('k', 1))
    await runtime.until(members[0]!.cache.set('right', 1))
    await runtime.advance(10)
    await runtime.until(members[1]!.cache.set('k', 2))
    const found: Inconsistency[] = []
    const auditor = audit(fleet, { onInconsistency: (each) => found.push(each) })
    await runtime.until(auditor.check())
    expect(auditor.report()).toMatchObject({ checked: 1, suspected: 1, inconsistent: 0 })
    await runtime.advance(8000)
    expect(auditor.report()).toMatchObject({ checked: 2, suspected: 0, inconsistent: 1, consistency: 0.5 })
    expect(auditor.report().nines).toBeCloseTo(0.301, 3)
    expect(found).toEqual(auditor.report().inconsistencies)
    expect(found[0]).toMatchObject({ kind: 'memory', namespace: 'factors', key: 'k' })
    expect(found[0]!.trace.length).toBeGreaterThan(4)
    expect(JSON.stringify(found)).not.toContain('value')
  })

  it('does not accuse what was put in order meanwhile, nor what is not served', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    await runtime.until(members[0]!.cache.set('k', 1))
    members[0]!.instance.messages.hold()
    await runtime.until(members[1]!.cache.set('k', 2))
    const auditor = audit(fleet)
    await runtime.until(auditor.check())
    expect(auditor.report()).toMatchObject({ suspected: 1 })
    await runtime.advance(8000)
    expect(auditor.report()).toMatchObject({ suspected: 0, inconsistent: 0, unknown: 1 })
  })

  it('accuses a shared tier that differs from the source for longer than an invalidation may take', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const source = new Map<string, unknown>([
      ['a', { price: 1 }],
      ['b', { price: 1 }],
    ])
    for (const [key, value] of source) await runtime.until(members[0]!.cache.set(key, value))
    source.set('a', { price: 2 })
    const auditor = audit(fleet, { namespaces: { factors: { source: async (key) => source.get(key) } } })
    await runtime.until(auditor.check())
    await runtime.advance(73_000)
    expect(auditor.report().inconsistencies).toMatchObject([{ kind: 'source', key: 'a' }])
  })

  it('refuses wrong options', () => {
    const manager = {} as Parameters<typeof createAuditor>[0]
    expect(() => createAuditor(manager, {} as AuditorOptions)).toThrow(/auditor\.namespaces/)
    expect(() => createAuditor(manager, { namespaces: { a: {} }, every: 0 })).toThrow(/auditor\.every/)
  })
})
