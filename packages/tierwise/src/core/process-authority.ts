import type { VersionSource } from '../contract/authority.ts'
import type { Clock } from '../contract/runtime.ts'

/**
 * The process gives versions itself. They are microseconds since the epoch where time allows, so that versions of
 * successive processes on one disk increase too; `observe` covers a clock that was set back in between.
 *
 * Where processes share a store their own clocks do not count, only that of the store: `offsetMs` says how far it is
 * ahead. Without it, a process whose clock is slow could not replace what a faster one has written.
 */
export class ProcessAuthority implements VersionSource {
  readonly #clock: Clock
  readonly #offsetMs: () => number
  #last = 0

  constructor(clock: Clock, offsetMs: () => number = () => 0) {
    this.#clock = clock
    this.#offsetMs = offsetMs
  }

  /** Now, on the scale of the versions. */
  instant(): number {
    return Math.floor((this.#clock.now() + this.#offsetMs()) * 1000)
  }

  nextVersion(): number {
    this.#last = Math.max(this.#last + 1, this.instant())
    return this.#last
  }

  observe(version: number): void {
    if (version > this.#last) this.#last = version
  }
}
