import type { Authority } from '../contract/authority.ts'
import type { Clock } from '../contract/runtime.ts'

/**
 * The process gives versions itself. They are microseconds since the epoch where time allows, so that versions of
 * successive processes on one disk increase too; `observe` covers a clock that was set back in between.
 */
export class ProcessAuthority implements Authority {
  readonly #clock: Clock
  #last = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  nextVersion(): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#clock.now() * 1000))
    return this.#last
  }

  observe(version: number): void {
    if (version > this.#last) this.#last = version
  }
}
