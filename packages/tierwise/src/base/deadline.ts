import type { Timers } from '../contract/runtime.ts'

/**
 * Settles as `work` does, or rejects with `late.error()` after `ms`. The work itself goes on; its late failure is
 * swallowed. When a busy event loop fires the timer late, the answer may have arrived already and wait its turn behind
 * it, so the timer grants one more turn before it gives up.
 */
export function withDeadline<T>(
  work: Promise<T>,
  ms: number,
  late: { timers: Pick<Timers, 'after'>; error: () => Error },
): Promise<T> {
  if (ms === Infinity) return work
  return new Promise<T>((resolve, reject) => {
    let timer = late.timers.after(ms, () => {
      timer = late.timers.after(0, () => reject(late.error()))
    })
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
