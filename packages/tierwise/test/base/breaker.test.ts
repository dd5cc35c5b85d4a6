import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { Breaker } from '../../src/base/breaker.ts'
import { fakeRuntime } from '../../src/testing/index.ts'

function breaker(failures = 3, openForMs = 1000) {
  const runtime = fakeRuntime()
  const states: string[] = []
  return {
    runtime,
    states,
    breaker: new Breaker({ failures, openForMs }, runtime.clock, (state) => void states.push(state)),
  }
}

describe('a breaker', () => {
  test('opens after failures in a row, not before and not for others', () => {
    const { breaker: guard } = breaker()
    for (let at = 0; at < 10; at++) {
      guard.failed()
      guard.failed()
      guard.succeeded()
    }
    expect(guard.state).toBe('closed')
    for (let at = 0; at < 3; at++) {
      expect(guard.admits()).toBe(true)
      guard.failed()
    }
    expect(guard.state).toBe('open')
    expect(guard.admits()).toBe(false)
  })

  test('lets one probe through when its time is over, and closes when that succeeds', async () => {
    const { breaker: guard, runtime, states } = breaker(1)
    guard.failed()
    await runtime.advance(999)
    expect(guard.admits()).toBe(false)
    await runtime.advance(1)
    expect([guard.admits(), guard.admits(), guard.admits()]).toEqual([true, false, false])
    guard.succeeded()
    expect([guard.admits(), guard.admits()]).toEqual([true, true])
    expect(states).toEqual(['open', 'half-open', 'closed'])
  })

  test('stays open for another time when the probe fails', async () => {
    const { breaker: guard, runtime, states } = breaker(5)
    for (let at = 0; at < 5; at++) guard.failed()
    await runtime.advance(1000)
    expect(guard.admits()).toBe(true)
    guard.failed()
    expect(guard.admits()).toBe(false)
    await runtime.advance(1000)
    expect(guard.admits()).toBe(true)
    guard.succeeded()
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed'])
  })

  test('does not close for a call that was sent before it opened', () => {
    const { breaker: guard } = breaker(1)
    guard.admits()
    guard.failed()
    guard.succeeded()
    expect(guard.state).toBe('open')
  })

  test('never admits more than one call at a time while it is not closed', async () => {
    const step = fc.constantFrom('ask', 'succeed', 'fail', 'wait')
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { breaker: guard, runtime } = breaker(2, 100)
      let probes = 0
      for (const what of steps) {
        if (what === 'wait') await runtime.advance(60)
        else if (what === 'ask') {
          if (guard.admits() && guard.state !== 'closed') probes++
        } else {
          if (what === 'succeed') guard.succeeded()
          else guard.failed()
          probes = 0
        }
        expect(probes).toBeLessThanOrEqual(1)
      }
    })
    await fc.assert(property)
  })
})
