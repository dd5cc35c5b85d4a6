import { describe, expect, it } from 'vitest'

import { fakeRuntime } from '../../../../src/testing/fake-runtime.ts'
import { pauseAfter, Pauses } from '../../../../src/tiers/postgres/outbox/pauses.ts'

describe('a pause after failures', () => {
  it('doubles, is bounded, and is half a matter of chance', () => {
    const latest = [1, 2, 3, 6, 7, 8, 1000].map((failures) => pauseAfter(failures, 500, () => 1))
    expect(latest).toEqual([500, 1000, 2000, 16_000, 30_000, 30_000, 30_000])
    expect(pauseAfter(1, 500, () => 0)).toBe(250)
    expect(pauseAfter(9, 500, () => 0)).toBe(15_000)
  })
})

describe('pauses by name', () => {
  it('leave alone what failed, longer each time in a row, and nothing else', async () => {
    const runtime = fakeRuntime()
    const pauses = new Pauses({ clock: runtime.clock, random: () => 1, firstMs: 100 })
    expect([pauses.current, pauses.nextMs]).toEqual([[], Infinity])
    pauses.failed('a')
    pauses.failed('b')
    pauses.failed('b')
    expect([pauses.current, pauses.nextMs]).toEqual([['a', 'b'], 100])
    await runtime.advance(100)
    expect([pauses.current, pauses.nextMs]).toEqual([['b'], 100])
    pauses.failed('a')
    expect(pauses.nextMs).toBe(100)
    await runtime.advance(150)
    expect([pauses.current, pauses.nextMs]).toEqual([['a'], 50])
    pauses.succeeded('a')
    pauses.failed('a')
    expect(pauses.nextMs).toBe(100)
  })
})
