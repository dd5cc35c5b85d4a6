import type { Timers } from '../../contract/runtime.ts'

/** Who waits for another process to load a key. */
export class Arrivals {
  readonly #timers: Timers
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Resolves when the key has arrived, or after `ms`. */
  wait(key: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set()
      this.#waiting.set(key, waiting)
      const done = (): void => {
        timer.cancel()
        waiting.delete(done)
        if (waiting.size === 0) this.#waiting.delete(key)
        resolve()
      }
      const timer = this.#timers.after(ms, done)
      waiting.add(done)
    })
  }

  wake(key: string): void {
    for (const done of this.#waiting.get(key) ?? []) done()
  }

  /** Nobody is told any more of what arrives: everybody looks for himself. */
  wakeAll(fits: (key: string) => boolean): void {
    for (const key of this.#waiting.keys()) if (fits(key)) this.wake(key)
  }
}
