import type { Timers } from '../../contract/runtime.ts'

/** Wakes one who waits; a call that comes while nobody waits is not lost. */
export class Wakeups {
  readonly #timers: Timers
  #isDue = false
  #wake: (() => void) | undefined

  constructor(timers: Timers) {
    this.#timers = timers
  }

  wake(): void {
    this.#isDue = true
    this.#wake?.()
  }

  /** Until it is woken, the time is over or the signal is aborted, whichever comes first. */
  async next(mostMs: number, signal?: AbortSignal): Promise<void> {
    if (!this.#isDue && signal?.aborted !== true) await this.#sleep(mostMs, signal)
    this.#isDue = false
  }

  #sleep(mostMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve) => {
      const wake = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', wake)
        this.#wake = undefined
        resolve()
      }
      const timer = this.#timers.after(mostMs, wake)
      signal?.addEventListener('abort', wake, { once: true })
      this.#wake = wake
    })
  }
}
