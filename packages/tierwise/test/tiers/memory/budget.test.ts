import { describe, expect, it } from 'vitest'
import type { LocalSpace } from '../../../src/contract/tier.ts'
import { ConfigError } from '../../../src/errors.ts'
import { checkInvariants } from '../../../src/tiers/memory/invariants.ts'
import { openMemory, type MemorySession } from './memory-session.ts'

const smallBytes = 100

function fill(session: MemorySession, space: LocalSpace, count: number): void {
  for (let id = 0; id < count; id++) {
    space.set(`key:${id}`, session.entry(id, { sizeBytes: smallBytes }), Infinity)
  }
}

function readAll(space: LocalSpace, count: number): number {
  let held = 0
  for (let id = 0; id < count; id++) if (space.read(`key:${id}`) !== undefined) held++
  return held
}

describe('budget of the memory tier', () => {
  it('never holds more entries than it may', () => {
    const session = openMemory({ maxEntries: 100 })
    fill(session, session.open(), 1000)
    expect(session.tier.usage().entries).toBe(100)
    checkInvariants(session.tier)
  })

  it('never holds more bytes than it may and uses most of them', () => {
    const session = openMemory({ maxBytes: '64kb' })
    fill(session, session.open(), 2000)
    const { bytes = 0 } = session.tier.usage()
    expect(bytes).toBeLessThanOrEqual(64 * 1024)
    expect(bytes).toBeGreaterThan(60 * 1024)
    checkInvariants(session.tier)
  })

  it('holds a single entry when it may hold one, the latest', () => {
    const session = openMemory({ maxEntries: 1 })
    const space = session.open()
    fill(session, space, 5)
    expect([...space.keys()]).toEqual(['key:4'])
  })

  it('counts keys and overhead', () => {
    const session = openMemory()
    const space = session.open()
    space.set('k', session.entry(1, { sizeBytes: 1 }), Infinity)
    const small = space.bytes
    space.set('k'.repeat(1000), session.entry(1, { sizeBytes: 1 }), Infinity)
    expect(small).toBeGreaterThan(50)
    expect(space.bytes).toBeGreaterThan(2 * small + 900)
  })

  it('makes room when an entry is replaced by a heavier one', () => {
    const session = openMemory({ maxBytes: 20_000 })
    const space = session.open()
    fill(session, space, 100)
    for (let id = 0; id < 20; id++) {
      space.set(`key:${id}`, session.entry(id, { sizeBytes: 2000 }), Infinity)
      checkInvariants(session.tier)
    }
  })

  it('refuses a value above an eighth of the budget, drops the key and tells', async () => {
    const session = openMemory({ maxBytes: 80_000 })
    const space = session.open()
    expect(space.set('k', session.entry('small', { sizeBytes: 10_000 }), Infinity)).toBe(true)
    expect(space.set('k', session.entry('large', { sizeBytes: 10_001 }), Infinity)).toBe(false)
    expect(space.find('k')).toBeUndefined()
    await session.runtime.advance(1000)
    expect(session.events).toEqual([
      { type: 'evict', tier: 'memory', namespace: 'users', reason: 'too-large', count: 1 },
    ])
  })

  it('reports evictions as counts, once a second at most', async () => {
    const session = openMemory({ maxEntries: 100 })
    fill(session, session.open(), 1000)
    expect(session.events).toEqual([])
    await session.runtime.advance(1000)
    const capacity = { type: 'evict', tier: 'memory', namespace: 'users', reason: 'capacity', count: 900 }
    expect(session.events).toEqual([capacity])
    await session.runtime.advance(10_000)
    expect(session.events).toHaveLength(1)
    expect(session.runtime.pendingTimers).toEqual([])
  })

  it('reports what is left when it is closed', () => {
    const session = openMemory({ maxEntries: 1 })
    fill(session, session.open(), 3)
    session.tier.close()
    expect(session.events).toMatchObject([{ reason: 'capacity', count: 2 }])
    expect(session.tier.space({ namespace: 'late', tagClock: session.tags }).size).toBe(0)
  })
})

describe('namespaces of the memory tier', () => {
  it('evicts by quota from the namespace alone, and says so', async () => {
    const session = openMemory()
    const other = session.open({ namespace: 'other' })
    fill(session, other, 50)
    fill(session, session.open({ namespace: 'small', maxEntries: 10 }), 30)
    expect(other.size).toBe(50)
    await session.runtime.advance(1000)
    expect(session.events).toMatchObject([{ namespace: 'small', reason: 'quota', count: 20 }])
  })

  it('leaves a namespace its reserve, however much others store', () => {
    const session = openMemory({ maxBytes: 100_000 })
    const reserved = session.open({ namespace: 'reserved', reservedBytes: 30_000 })
    const greedy = session.open({ namespace: 'greedy' })
    fill(session, reserved, 100)
    const held = Math.min(reserved.bytes, 30_000)
    for (let round = 0; round < 20; round++) fill(session, greedy, 1000)
    for (let round = 0; round < 50; round++) readAll(greedy, 1000)
    fill(session, greedy, 5000)
    expect(reserved.bytes).toBeGreaterThan(held - 500)
    checkInvariants(session.tier)
  })

  it('gives a namespace its reserve back from those that borrowed it', () => {
    const session = openMemory({ maxBytes: 100_000 })
    const reserved = session.open({ namespace: 'reserved', reservedBytes: 30_000 })
    const greedy = session.open({ namespace: 'greedy' })
    fill(session, greedy, 2000)
    for (let round = 0; round < 20; round++) readAll(greedy, 2000)
    expect(greedy.bytes).toBeGreaterThan(90_000)
    fill(session, reserved, 1000)
    expect(reserved.bytes).toBeGreaterThan(29_000)
    checkInvariants(session.tier)
  })

  it('does not let a scan in one namespace flush a hot one', () => {
    const session = openMemory({ maxEntries: 1000 })
    const hot = session.open({ namespace: 'hot' })
    const scanned = session.open({ namespace: 'scanned' })
    fill(session, hot, 500)
    for (let id = 0; id < 20_000; id++) {
      hot.read(`key:${id % 500}`)
      scanned.set(`key:${id}`, session.entry(id, { sizeBytes: 1 }), Infinity)
    }
    expect(readAll(hot, 500)).toBeGreaterThan(480)
  })

  it('lets a busy namespace take over from one that nobody uses any more', () => {
    const session = openMemory({ maxEntries: 1000 })
    const idle = session.open({ namespace: 'idle' })
    const busy = session.open({ namespace: 'busy' })
    fill(session, idle, 1000)
    for (let round = 0; round < 20; round++) readAll(idle, 1000)
    for (let round = 0; round < 60; round++) {
      for (let id = 0; id < 600; id++) {
        if (busy.read(`key:${id}`) === undefined) busy.set(`key:${id}`, session.entry(id, { sizeBytes: 1 }), Infinity)
      }
    }
    expect(readAll(busy, 600)).toBeGreaterThan(550)
  })

  it('gives the room of a cleared namespace to others at once', () => {
    const session = openMemory({ maxEntries: 100 })
    const first = session.open({ namespace: 'first' })
    const second = session.open({ namespace: 'second' })
    fill(session, first, 100)
    first.clear()
    fill(session, second, 100)
    expect([first.size, second.size]).toEqual([0, 100])
    checkInvariants(session.tier)
  })

  it('refuses reserves beyond the quota or the budget', () => {
    const session = openMemory({ maxBytes: 1000 })
    session.open({ namespace: 'first', reservedBytes: 700 })
    expect(() => session.open({ namespace: 'second', reservedBytes: 400 })).toThrow(ConfigError)
    expect(() => session.open({ namespace: 'third', maxBytes: 100, reservedBytes: 200 })).toThrow(/"third"/)
  })
})
