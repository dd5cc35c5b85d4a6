import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { SteadyClock, systemRuntime } from '../../src/base/runtime.ts'

const { timers } = systemRuntime()
const longestTimer = 2 ** 31 - 1

describe('SteadyClock', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  test('tells epoch milliseconds', () => {
    expect(Math.abs(new SteadyClock().now() - Date.now())).toBeLessThan(1000)
    expect(Math.abs(new SteadyClock().burstNow() - Date.now())).toBeLessThan(1000)
  })

  test('does not follow the wall clock', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 0 })
    expect(new SteadyClock().now()).toBeGreaterThan(Date.UTC(2020, 0, 1))
  })

  test('never steps back in a burst, and stays within a millisecond of the truth', () => {
    const clock = new SteadyClock()
    let last = 0
    let furthest = 0
    for (let i = 0; i < 200_000; i++) {
      const reading = clock.burstNow()
      if (reading < last) expect.fail(`${reading} after ${last}`)
      last = reading
      // Reading the exact clock each time would slow the burst down to no burst.
      if (i % 1000 === 0) furthest = Math.max(furthest, clock.now() - reading)
    }
    // A preempted process may see one old reading, so this bounds the order of magnitude.
    expect(furthest).toBeLessThan(20)
  })

  test('reads the clock at most once in 16 calls of a tight loop', () => {
    const clock = new SteadyClock()
    const reading = vi.spyOn(performance, 'now').mockReturnValue(1)
    for (let i = 0; i < 32_000; i++) clock.burstNow()
    expect(reading.mock.calls.length).toBeLessThan(2000)
  })

  test('reads the clock for every call of a slow rhythm', () => {
    const clock = new SteadyClock()
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    for (let i = 0; i < 100; i++) {
      now += 0.05
      expect(clock.burstNow()).toBe(performance.timeOrigin + now)
    }
  })

  test('shares one reading with 31 calls after a burst, and then reads again', () => {
    const clock = new SteadyClock()
    let now = 1
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    // 1 + 2 + 4 + 8 + 16 + 32: the first reading and the runs after it, each twice as long.
    for (let i = 0; i < 32; i++) clock.burstNow()
    now = 1000
    const readings = Array.from({ length: 33 }, () => clock.burstNow() - performance.timeOrigin)
    expect(readings.filter((reading) => Math.abs(reading - 1) < 0.01).length).toBeLessThanOrEqual(31)
    expect(readings.at(-1)).toBeCloseTo(1000)
  })

  test('is exact after a pause of real time, however long the burst before was', async () => {
    const clock = new SteadyClock()
    for (let i = 0; i < 10_005; i++) clock.burstNow()
    // Real time has to pass: the clock reads the one of the process.
    await sleep(50)
    const reading = clock.burstNow()
    expect(clock.now() - reading).toBeLessThan(15)
  })

  test('gives a burst nothing that is older than an exact reading', () => {
    const clock = new SteadyClock()
    for (let i = 0; i < 2000; i++) {
      for (let call = 0; call < i % 40; call++) clock.burstNow()
      const exact = clock.now()
      if (clock.burstNow() < exact) expect.fail(`after ${i} runs`)
    }
  })
})

describe('timers of the system', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('fire once, after their time', () => {
    const run = vi.fn()
    timers.after(100, run)
    vi.advanceTimersByTime(99)
    expect(run).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1000)
    expect(run).toHaveBeenCalledTimes(1)
  })

  test('repeat until they are cancelled', () => {
    const run = vi.fn()
    const timer = timers.every(100, run)
    vi.advanceTimersByTime(350)
    timer.cancel()
    timer.cancel()
    vi.advanceTimersByTime(1000)
    expect(run).toHaveBeenCalledTimes(3)
  })

  test.each([longestTimer, longestTimer + 1, 2 ** 32, 40 * 86_400_000, 365 * 86_400_000])(
    'wait %d ms, longer than Node can',
    (ms) => {
      const run = vi.fn()
      timers.after(ms, run)
      vi.advanceTimersByTime(ms - 1)
      expect(run).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(run).toHaveBeenCalledTimes(1)
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  test('repeat after 40 days, longer than Node can', () => {
    const run = vi.fn()
    const ms = 40 * 86_400_000
    timers.every(ms, run)
    vi.advanceTimersByTime(ms - 1)
    expect(run).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1 + ms)
    expect(run).toHaveBeenCalledTimes(2)
  })

  test('can be cancelled in a later lap', () => {
    const run = vi.fn()
    const timer = timers.after(2 ** 32, run)
    vi.advanceTimersByTime(2 ** 31 + 1000)
    timer.cancel()
    vi.advanceTimersByTime(2 ** 33)
    expect(run).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('in a process of its own', () => {
  const folder = join(import.meta.dirname, `../../.cache/runtime-test-${process.pid}`)
  const program = join(folder, 'runtime.mjs')

  beforeAll(() =>
    build({
      configFile: false,
      logLevel: 'error',
      build: {
        ssr: join(import.meta.dirname, '../../src/base/runtime.ts'),
        outDir: folder,
        rollupOptions: { output: { entryFileNames: 'runtime.mjs' } },
      },
    }),
  )
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const run = (source: string, flags: readonly string[] = []): { status: unknown; signal: unknown; stdout: string } => {
    const start = `const { systemRuntime } = await import(${JSON.stringify(program)})\n${source}`
    const { status, stdout, signal } = spawnSync(process.execPath, [...flags, '--input-type=module', '--eval', start], {
      encoding: 'utf8',
      timeout: 20_000,
      maxBuffer: 64 * 1024 * 1024,
    })
    return { status, signal, stdout }
  }

  test('timers alone let it end at once', () => {
    const ended = run(`
      const { timers } = systemRuntime()
      timers.after(60_000, () => undefined)
      timers.after(2 ** 40, () => undefined)
      timers.every(5, () => undefined)
      console.log('started')`)
    expect(ended).toEqual({ status: 0, stdout: 'started\n', signal: null })
  })

  test('full collections leave the machine code of a burst alone', () => {
    const { status, stdout } = run(
      `
      const { clock } = systemRuntime()
      let sum = 0
      for (let round = 0; round < 8; round++) {
        for (let turn = 0; turn < 20; turn++) {
          for (let call = 0; call < 20_000; call++) sum += clock.burstNow()
          await new Promise((resolve) => setImmediate(resolve))
        }
        gc()
      }`,
      ['--expose-gc', '--trace-opt', '--trace-deopt'],
    )
    expect(status).toBe(0)
    // Otherwise the flags print something else now.
    expect(stdout).toMatch(/completed optimizing.*burstNow/)
    expect(stdout.split('\n').filter((line) => /burstNow.*weak objects/.test(line))).toEqual([])
  })
})
