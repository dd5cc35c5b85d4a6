import type { Timers } from '../src/contract/runtime.ts'

/** What is repeated comes five times as often, so that tests do not wait a second for each proof of a bus. */
export function hurried(timers: Timers): Timers {
  return { after: (ms, run) => timers.after(ms, run), every: (ms, run) => timers.every(ms / 5, run) }
}
