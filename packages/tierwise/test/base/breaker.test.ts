import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { Breaker } from '../../src/base/breaker.ts'
import type { BreakerSettings } from '../../src/base/breaker.ts'
import { fakeRuntime } from '../../src/testing/index.ts'
import type { FakeRuntime } from '../../src/testing/index.ts'

interface Subject {
  readonly breaker: Breaker
  readonly runtime: FakeRuntime
  /** Every change: the state and why. */
  readonly changes: string[]
  /** One call that ends at once. */
  call(result: 'succeeds' | 'fails'): boolean
  /** Fails until it opens. */
  open(): void
}

function subject(settings: Partial<BreakerSettings> = {}): Subject {
  const runtime = fakeRuntime()
  const changes: string[] = []
  const breaker = new Breaker(
    { failures: 3, failureRate: 1, minCalls: 1000, windowMs: 10_000, openForMs: 1000, probes: 1, ...settings },
    runtime.clock,
    (state, reason) => void changes.push(`${state}: ${reason}`),
  )
  const call: Subject['call'] = (result) => {
    const pass = breaker.admit()
    if (pass === 0) return false
    if (result === 'succeeds') breaker.succeeded(pass)
    else breaker.failed(pass)
    return true
  }
  const open = (): void => {
    while (breaker.state === 'closed') call('fails')
  }
  return { breaker, runtime, changes, call, open }
}

describe('a closed breaker', () => {
  test('opens after failures in a row, and a success ends the row', () => {
    const { breaker, call, changes } = subject()
    for (let at = 0; at < 100; at++) {
      call('fails')
      call('fails')
      call('succeeds')
    }
    expect(breaker.state).toBe('closed')
    for (let at = 0; at < 3; at++) expect(call('fails')).toBe(true)
    expect(changes).toEqual(['open: failures'])
    expect(call('succeeds')).toBe(false)
  })

  test('does not add up failures that are further apart than the window', async () => {
    const { breaker, call, runtime } = subject()
    for (let at = 0; at < 10; at++) {
      call('fails')
      await runtime.advance(6000)
    }
    expect(breaker.state).toBe('closed')
    for (let at = 0; at < 3; at++) call('fails')
    expect(breaker.state).toBe('open')
  })

  test('opens for the share of failures once there were enough calls, never before', () => {
    const { breaker, call, changes } = subject({ failureRate: 0.5, minCalls: 20 })
    for (let at = 0; at < 19; at++) call(at % 2 === 0 ? 'fails' : 'succeeds')
    expect(breaker.state).toBe('closed')
    call('fails')
    expect(changes).toEqual(['open: failure-rate'])
  })

  test('forgets failures that have left the window', async () => {
    const { breaker, call, runtime } = subject({ failureRate: 0.5, minCalls: 20 })
    for (let at = 0; at < 18; at++) call(at % 2 === 0 ? 'fails' : 'succeeds')
    await runtime.advance(10_000)
    for (let at = 0; at < 40; at++) call(at % 3 === 0 ? 'fails' : 'succeeds')
    expect(breaker.state).toBe('closed')
  })

  test('opens for one late call when nothing was answered since it was sent', async () => {
    const { breaker, changes, call, runtime } = subject()
    call('succeeds')
    await runtime.advance(10)
    const sentAt = runtime.clock.now()
    const pass = breaker.admit()
    await runtime.advance(250)
    breaker.failed(pass, sentAt)
    expect(changes).toEqual(['open: silence'])
  })

  test.each(['succeeds', 'fails'] as const)(
    'counts a late call as one failure when another %s meanwhile',
    async (how) => {
      const { breaker, call, runtime } = subject()
      const sentAt = runtime.clock.now()
      const pass = breaker.admit()
      await runtime.advance(100)
      call(how)
      await runtime.advance(150)
      breaker.failed(pass, sentAt)
      expect(breaker.state).toBe('closed')
    },
  )

  test('takes silence back when the answer comes after all, but not the failure', async () => {
    const { breaker, changes, runtime } = subject({ failures: 3 })
    const late = async (): Promise<void> => {
      await runtime.advance(1)
      const sentAt = runtime.clock.now()
      const pass = breaker.admit()
      await runtime.advance(250)
      breaker.failed(pass, sentAt)
    }
    await late()
    breaker.answeredLate()
    expect(changes).toEqual(['open: silence', 'closed: answered'])
    await late()
    breaker.answeredLate()
    breaker.failed(breaker.admit())
    expect(changes.slice(4)).toEqual(['open: failures'])
  })

  test('is not closed by a late answer to a call that opened it for another reason', async () => {
    const { breaker, runtime } = subject({ failures: 1 })
    const first = breaker.admit()
    const second = breaker.admit()
    await runtime.advance(10)
    breaker.failed(first)
    breaker.failed(second, runtime.clock.now())
    breaker.answeredLate()
    expect(breaker.state).toBe('open')
  })
})

describe('an open breaker', () => {
  test('lets one probe through when its pause is over, and closes when that succeeds', async () => {
    const { breaker, runtime, changes, open } = subject()
    open()
    await runtime.advance(99)
    expect(breaker.isShut).toBe(true)
    expect(breaker.admit()).toBe(0)
    await runtime.advance(1)
    expect(breaker.isShut).toBe(false)
    const probe = breaker.admit()
    expect(breaker.isUnproven).toBe(true)
    expect([breaker.admit(), breaker.admit()]).toEqual([0, 0])
    breaker.succeeded(probe)
    expect(breaker.admit()).toBeGreaterThan(0)
    expect(changes).toEqual(['open: failures', 'half-open: pause-over', 'closed: answered'])
  })

  test('pauses twice as long after each failed probe, up to its limit, and starts over once it has closed', async () => {
    const { breaker, runtime, call, open } = subject({ openForMs: 1000 })
    const pauses: number[] = []
    const pause = async (): Promise<void> => {
      const from = runtime.clock.now()
      while (breaker.isShut) await runtime.advance(50)
      pauses.push(runtime.clock.now() - from)
    }
    open()
    for (let at = 0; at < 6; at++) {
      await pause()
      call('fails')
    }
    await pause()
    call('succeeds')
    open()
    await pause()
    expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000, 1000, 100])
  })

  test('asks for several answers: the first probe alone, then more at a time', async () => {
    const { breaker, runtime, open } = subject({ probes: 4 })
    open()
    await runtime.advance(100)
    const first = breaker.admit()
    expect(breaker.admit()).toBe(0)
    breaker.succeeded(first)
    expect(breaker.isUnproven).toBe(false)
    const [second, third] = [breaker.admit(), breaker.admit()]
    expect([second > 0, third > 0, breaker.admit()]).toEqual([true, true, 0])
    breaker.succeeded(second)
    const fourth = breaker.admit()
    expect(breaker.admit()).toBe(0)
    breaker.succeeded(third)
    expect(breaker.state).toBe('half-open')
    breaker.succeeded(fourth)
    expect(breaker.state).toBe('closed')
  })

  test('opens again for one failed probe among several', async () => {
    const { breaker, runtime, open, changes, call } = subject({ probes: 3 })
    open()
    await runtime.advance(100)
    call('succeeds')
    const [second, third] = [breaker.admit(), breaker.admit()]
    breaker.failed(second)
    breaker.succeeded(third)
    expect(breaker.state).toBe('open')
    expect(changes.at(-1)).toBe('open: probe-failed')
  })

  test('learns nothing from a call that was sent before it opened', async () => {
    const { breaker, runtime, open } = subject()
    const early = [breaker.admit(), breaker.admit(), breaker.admit()] as const
    open()
    breaker.succeeded(early[0])
    expect(breaker.state).toBe('open')
    await runtime.advance(100)
    const probe = breaker.admit()
    breaker.succeeded(early[1])
    expect(breaker.state).toBe('half-open')
    breaker.failed(early[2])
    expect(breaker.state).toBe('half-open')
    expect(breaker.admit()).toBe(0)
    breaker.succeeded(probe)
    expect(breaker.state).toBe('closed')
  })
})

test('never lets more calls out than it wants answered while it is not closed', async () => {
  const step = fc.constantFrom('ask', 'succeed', 'fail', 'late', 'wait')
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 80 }),
    fc.integer({ min: 1, max: 4 }),
    async (steps, probes) => {
      const { breaker, runtime } = subject({ failures: 2, openForMs: 100, probes })
      let passes: { pass: number; state: string }[] = []
      let state = breaker.state
      let answered = 0
      for (const what of steps) {
        if (what === 'wait') await runtime.advance(60)
        else if (what === 'ask') {
          const pass = breaker.admit()
          if (pass > 0) passes.push({ pass, state: breaker.state })
        } else {
          const one = passes.shift()
          if (one === undefined) continue
          if (what === 'succeed') breaker.succeeded(one.pass)
          else breaker.failed(one.pass, what === 'late' ? runtime.clock.now() : undefined)
          if (what === 'succeed' && one.state === 'half-open') answered++
        }
        if (breaker.state !== state) {
          // What belongs to an earlier state is not a probe of this one.
          passes = breaker.state === 'half-open' ? passes.slice(-1) : []
          answered = 0
          state = breaker.state
        }
        if (state === 'half-open') expect(passes.length + answered).toBeLessThanOrEqual(probes)
      }
    },
  )
  await fc.assert(property)
})
