import { beforeEach, describe, expect, test } from 'vitest'
import { SharedTimers } from '../../src/base/shared-timers.ts'
import { fakeRuntime, type FakeRuntime } from '../../src/testing/fake-runtime.ts'

let runtime: FakeRuntime
let timers: SharedTimers
let ended: string[]
const after = (ms: number, name: string): { cancel(): void } => timers.after(ms, () => ended.push(name))

beforeEach(() => {
  runtime = fakeRuntime()
  timers = new SharedTimers(runtime)
  ended = []
})

describe('SharedTimers', () => {
  test('runs each when its time is over, not before, however many share a timer', async () => {
    after(100, 'a')
    await runtime.advance(30)
    after(100, 'b')
    after(50, 'short')
    expect(runtime.pendingTimers).toHaveLength(2)
    await runtime.advance(50)
    expect(ended).toEqual(['short'])
    await runtime.advance(19)
    expect(ended).toEqual(['short'])
    await runtime.advance(1)
    expect(ended).toEqual(['short', 'a'])
    await runtime.advance(29)
    expect(ended).toEqual(['short', 'a'])
    await runtime.advance(1)
    expect(ended).toEqual(['short', 'a', 'b'])
    expect(runtime.pendingTimers).toEqual([])
  })

  test('does not run what was cancelled, wherever in the row it was', async () => {
    const [first, , third, , fifth] = ['1', '2', '3', '4', '5'].map((name) => after(100, name))
    first?.cancel()
    third?.cancel()
    fifth?.cancel()
    third?.cancel()
    after(100, '6')
    await runtime.advance(100)
    expect(ended).toEqual(['2', '4', '6'])
    fifth?.cancel()
    expect(runtime.pendingTimers).toEqual([])
  })

  test('starts no second timer for what comes after all others were cancelled', async () => {
    after(100, 'a').cancel()
    await runtime.advance(60)
    after(100, 'b')
    expect(runtime.pendingTimers).toHaveLength(1)
    await runtime.advance(99)
    expect(ended).toEqual([])
    await runtime.advance(1)
    expect(ended).toEqual(['b'])
  })

  test('lets one that runs start and cancel others', async () => {
    const later = timers.after(100, () => ended.push('never'))
    await runtime.advance(1)
    timers.after(99, () => {
      later.cancel()
      after(99, 'again')
    })
    await runtime.advance(99)
    expect(ended).toEqual(['never'])
    await runtime.advance(99)
    expect(ended).toEqual(['never', 'again'])
    expect(runtime.pendingTimers).toEqual([])
  })

  test('leaves no timer once it is closed, but ends what still waits', async () => {
    after(100, 'a').cancel()
    timers.close()
    expect(runtime.pendingTimers).toEqual([])
    after(100, 'b')
    await runtime.advance(100)
    expect(ended).toEqual(['b'])
    after(100, 'c').cancel()
    after(70, 'd').cancel()
    expect(runtime.pendingTimers).toEqual([])
  })
})
