import { describe, expect, it } from 'vitest'
import { SteadyClock } from '../../../src/base/runtime.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { checkInvariants } from '../../../src/tiers/memory/invariants.ts'
import { openMemory, type MemorySession } from './memory-session.ts'

function mortal(session: MemorySession, ttlMs: number, graceMs = 0) {
  const freshUntil = session.runtime.clock.now() + ttlMs
  return session.entry('value', { freshUntil, usableUntil: freshUntil + graceMs })
}

describe('expiry in the memory tier', () => {
  it('frees dead entries that nobody touches, and tells', async () => {
    const session = openMemory()
    const space = session.open()
    for (let id = 0; id < 10_000; id++) space.set(`key:${id}`, mortal(session, 500), Infinity)
    space.set('endless', session.entry(1), Infinity)
    await session.runtime.advance(3000)
    expect(space.size).toBe(1)
    expect(session.events.reduce((sum, event) => sum + (event.type === 'evict' ? event.count : 0), 0)).toBe(10_000)
    expect(session.events[0]).toMatchObject({ reason: 'expired' })
    checkInvariants(session.tier)
  })

  it('hurries while more is dead than one turn may free', async () => {
    const session = openMemory()
    const space = session.open()
    for (let id = 0; id < 20_000; id++) space.set(`key:${id}`, mortal(session, 500), Infinity)
    await session.runtime.advance(1100)
    expect(space.size).toBe(0)
  })

  it('keeps stale entries until they are dead', async () => {
    const session = openMemory()
    const space = session.open()
    space.set('k', mortal(session, 500, 60_000), session.runtime.clock.now() + 500)
    await session.runtime.advance(30_000)
    expect([space.read('k'), space.find('k')?.value]).toEqual([undefined, 'value'])
    await session.runtime.advance(32_000)
    expect(space.size).toBe(0)
  })

  it('evicts dead entries before living ones', async () => {
    const session = openMemory({ maxEntries: 10 })
    const space = session.open()
    for (let id = 0; id < 10; id++) space.set(`dead:${id}`, mortal(session, 100), Infinity)
    for (let round = 0; round < 15; round++) for (let id = 0; id < 10; id++) space.read(`dead:${id}`)
    await session.runtime.advance(200)
    for (let id = 0; id < 5; id++) space.set(`alive:${id}`, session.entry(id), Infinity)
    expect([0, 1, 2, 3, 4].map((id) => space.read(`alive:${id}`))).toEqual([0, 1, 2, 3, 4])
    await session.runtime.advance(1000)
    expect(session.events).toMatchObject([{ reason: 'expired' }])
  })

  it('has no timer while nothing can expire', async () => {
    const session = openMemory()
    const space = session.open()
    space.set('endless', session.entry(1), Infinity)
    expect(session.runtime.pendingTimers).toEqual([])
    space.set('k', mortal(session, 100), Infinity)
    expect(session.runtime.pendingTimers).toHaveLength(1)
    space.delete('endless')
    await session.runtime.advance(5000)
    expect(session.runtime.pendingTimers).toEqual([])
    space.set('k', mortal(session, 100), Infinity)
    await session.runtime.advance(5000)
    expect(space.size).toBe(0)
  })

  it('keeps deadlines years away, exactly', async () => {
    const session = openMemory()
    const space = session.open()
    const now = session.runtime.clock.now()
    const deadline = now + 3 * 365 * 86_400_000 + 123
    space.set('soon', mortal(session, 1000), now + 1000)
    space.set('years', session.entry(1, { freshUntil: deadline, usableUntil: deadline }), deadline)
    space.set('never', session.entry(2), Infinity)
    expect(space.find('years')).toMatchObject({ freshUntil: deadline, usableUntil: deadline, reviewAt: deadline })
    expect(space.find('soon')).toMatchObject({ freshUntil: now + 1000 })
    expect(space.find('never')).toMatchObject({ freshUntil: Infinity, usableUntil: Infinity })
    session.tier.close()
    await session.runtime.advanceTo(deadline - 1)
    expect(session.runtime.pendingTimers).toEqual([])
  })

  it('serves an entry of years until its last millisecond', async () => {
    const session = openMemory()
    const space = session.open()
    const deadline = session.runtime.clock.now() + 40 * 86_400_000
    space.set('years', session.entry('value', { freshUntil: deadline, usableUntil: deadline }), deadline)
    // Days of idle turns of the sweep would take long, and the sweep is not what is tested here.
    const clock = { now: () => deadline - 1, burstNow: () => deadline - 1 }
    Object.assign(session.runtime.clock, clock)
    expect(space.read('years')).toBe('value')
    Object.assign(session.runtime.clock, { now: () => deadline, burstNow: () => deadline })
    expect([space.read('years'), space.find('years')]).toEqual([undefined, undefined])
  })

  it('never asks the clock for an entry that does not end', () => {
    const session = openMemory()
    const space = session.open()
    space.set('endless', session.entry(1), Infinity)
    Object.assign(session.runtime.clock, {
      burstNow: () => {
        throw new Error('The clock was read')
      },
    })
    expect(space.read('endless')).toBe(1)
  })

  it('serves no dead entry in a loop of awaited hits that never yields to timers', async () => {
    // Real time: what is tested is that the steady clock moves on while timers starve.
    const clock = new SteadyClock()
    const session = openMemory()
    const { timers, random } = session.runtime
    const tier = memory().create({ name: 'memory', prefix: 'tw', report: () => {}, clock, timers, random })
    if (!tier.sync) throw new TypeError('The memory tier is a local tier')
    const space = tier.space({ namespace: 'users', tagClock: session.tags })
    const freshUntil = clock.now() + 30
    space.set('k', session.entry('value', { freshUntil, usableUntil: freshUntil }), freshUntil)
    let hits = 0
    while ((await space.read('k')) !== undefined) {
      hits++
      if (hits % 1000 === 0 && clock.now() > freshUntil + 1000) break
    }
    expect(hits).toBeGreaterThan(1000)
    // One run of shared readings is microseconds long; the rest is this machine being busy.
    expect(clock.now() - freshUntil).toBeLessThan(50)
  })
})
