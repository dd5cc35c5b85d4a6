import { readFile } from 'node:fs/promises'

import { describe, expect, it } from 'vitest'

import { fakeRuntime } from '../../src/testing/fake-runtime.ts'

describe('fakeRuntime', () => {
  it('stands still until it is advanced, and both readings are the same and exact', async () => {
    const runtime = fakeRuntime({ now: 1000 })
    expect([runtime.clock.now(), runtime.clock.burstNow()]).toEqual([1000, 1000])
    await runtime.advance(0.5)
    expect([runtime.clock.now(), runtime.clock.burstNow()]).toEqual([1000.5, 1000.5])
    await runtime.advanceTo(2000)
    expect(runtime.clock.now()).toBe(2000)
  })

  it('fires timers in the order of their deadlines, each at its own instant', async () => {
    const runtime = fakeRuntime({ now: 0 })
    const fired: string[] = []
    const note = (name: string) => () => void fired.push(`${name}@${runtime.clock.now()}`)
    runtime.timers.after(30, note('c'))
    runtime.timers.after(10, note('a'))
    runtime.timers.after(10, note('b'))
    runtime.timers.after(31, note('late'))
    await runtime.advance(30)
    expect(fired).toEqual(['a@10', 'b@10', 'c@30'])
  })

  it('fires timers that are started while it advances', async () => {
    const runtime = fakeRuntime({ now: 0 })
    const at: number[] = []
    runtime.timers.after(5, () => runtime.timers.after(5, () => at.push(runtime.clock.now())))
    await runtime.advance(10)
    expect(at).toEqual([10])
  })

  it('lets promise chains and macrotasks settle between two firings', async () => {
    const runtime = fakeRuntime({ now: 0 })
    const order: string[] = []
    runtime.timers.after(1, () => {
      setImmediate(() => Promise.resolve().then(() => order.push(`work of the first at ${runtime.clock.now()}`)))
    })
    runtime.timers.after(2, () => order.push('second'))
    await runtime.advance(2)
    expect(order).toEqual(['work of the first at 1', 'second'])
  })

  it('repeats an interval until it is cancelled', async () => {
    const runtime = fakeRuntime({ now: 0 })
    const at: number[] = []
    const timer = runtime.timers.every(10, () => at.push(runtime.clock.now()))
    await runtime.advance(35)
    timer.cancel()
    await runtime.advance(100)
    expect(at).toEqual([10, 20, 30])
  })

  it('ends an advance over an interval of zero', async () => {
    const runtime = fakeRuntime({ now: 0 })
    let fired = 0
    runtime.timers.every(0, () => fired++)
    await runtime.advance(3)
    expect(fired).toBe(3)
  })

  it('keeps timers beyond the range of setTimeout', async () => {
    const runtime = fakeRuntime({ now: 0 })
    let fired = false
    runtime.timers.after(2 ** 33, () => (fired = true))
    await runtime.advance(2 ** 33 - 1)
    expect(fired).toBe(false)
    await runtime.advance(1)
    expect(fired).toBe(true)
  })

  it('lists pending timers with the line that started them', async () => {
    const runtime = fakeRuntime()
    const timer = runtime.timers.after(50, () => {})
    runtime.timers.every(20, () => {})
    expect(runtime.pendingTimers.map((pending) => pending.everyMs)).toEqual([20, undefined])
    expect(runtime.pendingTimers[1]?.description).toMatch(/once, due at 2026-01-01T00:00:00.050Z, .*fake-runtime\.test/)
    timer.cancel()
    expect(runtime.pendingTimers).toHaveLength(1)
  })

  it('refuses to go back and to be advanced twice at once', async () => {
    const runtime = fakeRuntime({ now: 10 })
    await expect(runtime.advanceTo(9)).rejects.toThrow(RangeError)
    await expect(runtime.advance(Number.NaN)).rejects.toThrow(RangeError)
    const first = runtime.advance(5)
    await expect(runtime.advance(5)).rejects.toThrow('advanced already')
    await first
    expect(runtime.clock.now()).toBe(15)
  })

  it('hands the error of a timer to the caller of advance and stays usable', async () => {
    const runtime = fakeRuntime({ now: 0 })
    runtime.timers.after(1, () => {
      throw new Error('timer failed')
    })
    await expect(runtime.advance(5)).rejects.toThrow('timer failed')
    await runtime.advance(5)
    expect(runtime.pendingTimers).toEqual([])
  })

  it('advances as far as some work needs, and gives its result or its error', async () => {
    const runtime = fakeRuntime({ now: 0 })
    const wait = (ms: number) => new Promise<void>((resolve) => runtime.timers.after(ms, resolve))
    runtime.timers.after(500, () => {})
    expect(
      await runtime.until(
        wait(100)
          .then(() => wait(50))
          .then(() => 'done'),
      ),
    ).toBe('done')
    expect(runtime.clock.now()).toBe(150)
    await expect(runtime.until(wait(10).then(() => Promise.reject(new Error('failed'))))).rejects.toThrow('failed')
    expect(runtime.pendingTimers).toHaveLength(1)
  })

  it('waits for real work that needs no timer', async () => {
    const runtime = fakeRuntime({ now: 0 })
    expect(await runtime.until(readFile(import.meta.filename, 'utf8'))).toContain('waits for real work')
    expect(runtime.clock.now()).toBe(0)
  })

  it('gives up on work that an hour of timers does not end', async () => {
    const runtime = fakeRuntime({ now: 0 })
    const never = new Promise<void>(() => {})
    const timer = runtime.timers.every(600_000, () => {})
    await expect(runtime.until(never)).rejects.toThrow(/no timer within an hour ends it.*\n {2}every 600000 ms/)
    timer.cancel()
    runtime.timers.after(4_000_000, () => {})
    await expect(runtime.until(never)).rejects.toThrow('no timer within an hour')
  })

  it('draws the same random numbers for the same seed', () => {
    expect(fakeRuntime({ seed: 4 }).random()).toBe(fakeRuntime({ seed: 4 }).random())
  })
})
