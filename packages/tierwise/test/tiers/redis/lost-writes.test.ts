import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'

import { fakeRuntime, type FakeRuntime } from '../../../src/testing/index.ts'
import { LostWrites, type LeastVersion } from '../../../src/tiers/redis/lost-writes.ts'
import { recordBytes } from '../../../src/tiers/redis/record.ts'

interface Watched {
  readonly lost: LostWrites
  readonly runtime: FakeRuntime
  /** What the store was asked to remove, once for each batch. */
  readonly removed: LeastVersion[][]
  /** Whether the store answers. */
  answers: boolean
}

function watched(): Watched {
  const runtime = fakeRuntime()
  const removed: LeastVersion[][] = []
  const result = {
    runtime,
    removed,
    answers: true,
    lost: new LostWrites({
      runtime,
      removeOlder: async (keys) => {
        if (!result.answers) throw new Error('no connection')
        removed.push([...keys])
      },
    }),
  }
  return result
}

const record = (version: number): Buffer => recordBytes(version, Infinity, Buffer.from('x'))

describe('confirmed changes', () => {
  test('are not asked about while nothing is in doubt', () => {
    const { lost } = watched()
    lost.note('a', 5)
    expect(lost.believes('a', record(1))).toBe(true)
  })

  test('outdate older records after a new connection, until those are removed', async () => {
    const { lost, runtime, removed } = watched()
    lost.note('a', 5)
    lost.doubtNow()
    expect([lost.believes('a', record(4)), lost.believes('a', record(5))]).toEqual([false, true])
    expect(lost.believes('b', record(1))).toBe(true)
    await runtime.settle()
    expect(removed).toEqual([[['a', 5]]])
    expect(lost.believes('a', record(4))).toBe(true)
  })

  test('outdate what a load has brought too, whatever its version: it may have begun before the change', async () => {
    const { lost, runtime } = watched()
    const loaded = record(6)
    loaded[3] = 2
    lost.note('a', 5)
    expect(lost.believes('a', loaded)).toBe(true)
    lost.doubtNow()
    expect([lost.believes('a', loaded), lost.believes('b', loaded)]).toEqual([false, true])
    await runtime.settle()
    expect(lost.believes('a', loaded)).toBe(true)
  })

  test('stay in doubt as long as the store does not answer, however long', async () => {
    const test = watched()
    const { lost, runtime, removed } = test
    test.answers = false
    lost.note('a', 5)
    lost.doubt()
    await runtime.advance(200_000)
    lost.note('b', 6)
    expect([lost.believes('a', record(4)), lost.believes('b', record(5))]).toEqual([false, false])
    test.answers = true
    await runtime.advance(1000)
    expect(removed).toEqual([
      [
        ['a', 5],
        ['b', 6],
      ],
    ])
    expect(runtime.pendingTimers).toEqual([])
  })

  test('are removed again when there was another connection meanwhile', async () => {
    const { lost, runtime, removed } = watched()
    lost.note('a', 5)
    lost.doubtNow()
    lost.doubtNow()
    expect(lost.believes('a', record(4))).toBe(false)
    await runtime.advance(1000)
    expect(removed).toHaveLength(2)
    expect(lost.believes('a', record(4))).toBe(true)
  })

  test('are remembered for a minute at least, and forgotten once others have been changed for as long', async () => {
    const { lost, runtime } = watched()
    lost.note('a', 5)
    await runtime.advance(60_000)
    lost.note('b', 6)
    lost.doubt()
    expect(lost.believes('a', record(4))).toBe(false)
    await runtime.advance(1000)
    await runtime.advance(60_000)
    lost.note('c', 7)
    lost.doubt()
    expect([lost.believes('a', record(4)), lost.believes('b', record(4))]).toEqual([true, false])
    lost.stop()
  })

  test('are forgotten, the oldest first, when there are more than fifty thousand', async () => {
    const { lost } = watched()
    for (let index = 0; index < 150_000; index++) lost.note(`k${index}`, 5)
    lost.doubt()
    expect([lost.believes('k0', record(4)), lost.believes('k100000', record(4))]).toEqual([true, false])
    expect(lost.believes('k149999', record(4))).toBe(false)
    lost.stop()
  })

  test('leave no timer behind when the tier is closed', async () => {
    const test = watched()
    test.answers = false
    test.lost.note('a', 5)
    test.lost.doubtNow()
    await test.runtime.settle()
    expect(test.runtime.pendingTimers).toHaveLength(1)
    test.lost.stop()
    test.lost.doubt()
    expect(test.runtime.pendingTimers).toEqual([])
  })
})
