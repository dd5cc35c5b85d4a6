import type { Timer, Timers } from '../../contract/runtime.ts'

/** Runs background work in short slices while there is any, and leaves no timer when there is none. */
export class Upkeep {
  readonly #timers: Timers
  readonly #run: () => number | undefined
  #timer: Timer | undefined
  #stopped = false

  /** `run` returns the milliseconds until its next turn, or undefined when all is done. */
  constructor(timers: Timers, run: () => number | undefined) {
    this.#timers = timers
    this.#run = run
  }

  /** Makes sure that a turn comes, `ms` from now unless one is due already. */
  wake(ms: number): void {
    if (this.#stopped) return
    this.#timer ??= this.#timers.after(ms, () => this.#turn())
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #turn(): void {
    // What the run itself wakes for is in its answer.
    const again = this.#run()
    this.#timer = undefined
    if (again !== undefined) this.wake(again)
  }
}
