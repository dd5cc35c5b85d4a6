import type { BusChange } from '../../../contract/bus.ts'
import type { Clock } from '../../../contract/runtime.ts'

/** No failover takes longer, or else the reads in between have found out what is missing. */
const keptMs = 30_000
const mostKept = 10_000

interface Kept {
  readonly lane: number
  readonly change: BusChange
  readonly at: number
}

/** The latest change of each key and tag of the last half minute, for a server that turns out to have lost them. */
export class RecentChanges {
  readonly #clock: Clock
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(lane: number, changes: readonly BusChange[]): void {
    const at = this.#clock.now()
    for (const change of changes) {
      if (change.kind === 'key') this.#keep(`k${change.key}`, { lane, change, at })
      else for (const name of change.names) this.#keep(`t${name}`, { lane, change: { ...change, names: [name] }, at })
    }
    this.#drop(at)
  }

  of(lane: number): readonly BusChange[] {
    this.#drop(this.#clock.now())
    return [...this.#kept.values()].filter((kept) => kept.lane === lane).map(({ change }) => change)
  }

  #keep(name: string, kept: Kept): void {
    this.#kept.delete(name)
    this.#kept.set(name, kept)
  }

  #drop(now: number): void {
    for (const [name, { at }] of this.#kept) {
      if (this.#kept.size <= mostKept && now - at <= keptMs) return
      this.#kept.delete(name)
    }
  }
}
