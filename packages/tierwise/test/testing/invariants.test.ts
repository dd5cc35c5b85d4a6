import { describe, expect, it } from 'vitest'

import { fakeRuntime } from '../../src/testing/fake-runtime.ts'
import { checkTimers, invariantChecks } from '../../src/testing/invariants.ts'

describe('checkTimers', () => {
  it('passes without timers and names the origin of one that leaks', () => {
    const runtime = fakeRuntime()
    checkTimers(runtime)
    const timer = runtime.timers.after(10, () => {})
    expect(() => checkTimers(runtime)).toThrow(/1 timers are still pending:\n.*invariants\.test/)
    timer.cancel()
    checkTimers(runtime)
  })
})

describe('invariantChecks', () => {
  it('runs every check and reports all that do not hold', async () => {
    const checks = invariantChecks()
    await checks.run()
    checks.add('size', () => {
      throw new Error('3 is not 2')
    })
    checks.add('order', () => {})
    checks.add('queue', () => Promise.reject(new Error('one write is left')))
    await expect(checks.run()).rejects.toThrow('Broken invariants\nsize: 3 is not 2\nqueue: one write is left')
  })
})
