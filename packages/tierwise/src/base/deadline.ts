import type { Timers } from '../contract/runtime.ts'

/** Settles as `work` does, or rejects with `onLate()` after `ms`. The work itself goes on; its late failure is swallowed. */
export function withDeadline<T>(work: Promise<T>, ms: number, late: { timers: Timers; error: () => Error }): Promise<T> {
  if (ms === Infinity) return work
  return new Promise<T>((resolve, reject) => {
    const timer = late.timers.after(ms, () => reject(late.error()))
    work.then(
      (value) => {
        timer.cancel()
        resolve(value)
      },
      (error: unknown) => {
        timer.cancel()
        reject(error instanceof Error ? error : new Error(String(error)))
      },
    )
  })
}
