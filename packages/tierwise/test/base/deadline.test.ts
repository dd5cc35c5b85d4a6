import { beforeEach, describe, expect, test, vi } from 'vitest'
import { withDeadline } from '../../src/base/deadline.ts'
import { fakeRuntime, type FakeRuntime } from '../../src/testing/fake-runtime.ts'

let runtime: FakeRuntime
const tooLate = new Error('too late')
const limited = <T>(work: Promise<T>, ms = 100): Promise<T> =>
  withDeadline(work, ms, { timers: runtime.timers, error: () => tooLate })

beforeEach(() => {
  runtime = fakeRuntime()
})

const after = <T>(ms: number, end: () => T): Promise<T> =>
  new Promise((resolve, reject) => {
    runtime.timers.after(ms, () => {
      try {
        resolve(end())
      } catch (error) {
        reject(error as Error)
      }
    })
  })

describe('withDeadline', () => {
  test('passes on the result and leaves no timer', async () => {
    expect(await limited(Promise.resolve('done'))).toBe('done')
    expect(runtime.pendingTimers).toEqual([])
  })

  test('passes on the failure, the same object, and leaves no timer', async () => {
    const failure = new RangeError('broken')
    await expect(limited(Promise.reject(failure))).rejects.toBe(failure)
    expect(runtime.pendingTimers).toEqual([])
  })

  test('makes an error of a failure that is none', async () => {
    const work = Promise.reject('just a text' as unknown as Error)
    await expect(limited(work)).rejects.toEqual(new Error('just a text'))
  })

  test('rejects when the time is over, not before', async () => {
    const work = limited(new Promise(() => undefined))
    const ended = vi.fn()
    work.catch(ended)
    await runtime.advance(99)
    expect(ended).not.toHaveBeenCalled()
    await runtime.advance(1)
    expect(ended).toHaveBeenCalledWith(tooLate)
    expect(runtime.pendingTimers).toEqual([])
  })

  test('takes an answer that waits its turn behind a timer that fired late', async () => {
    let answer!: (value: string) => void
    const work = limited(new Promise<string>((resolve) => (answer = resolve)))
    // Started after the timer of the deadline, so it fires after it in the same instant.
    runtime.timers.after(100, () => answer('just in time'))
    await runtime.advance(100)
    expect(await work).toBe('just in time')
    expect(runtime.pendingTimers).toEqual([])
  })

  test('swallows a failure that comes after the deadline', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const work = limited(
      after(200, () => {
        throw new Error('late failure')
      }),
    )
    const rejection = expect(work).rejects.toBe(tooLate)
    await runtime.advance(300)
    await rejection
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  test('starts no timer without a deadline', async () => {
    const work = Promise.resolve(1)
    expect(limited(work, Infinity)).toBe(work)
    expect(runtime.pendingTimers).toEqual([])
  })

  test('makes the error only when it is needed', async () => {
    const error = vi.fn(() => tooLate)
    await withDeadline(Promise.resolve(1), 100, { timers: runtime.timers, error })
    await runtime.advance(200)
    expect(error).not.toHaveBeenCalled()
  })
})
