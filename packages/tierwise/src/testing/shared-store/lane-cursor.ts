import type { LaneHead, LoggedChange } from './state.ts'

/** Heads of the past that a late answer of the store may still speak of. */
const remembered = 1000

/** How far one instance has come in one lane. */
export class LaneCursor {
  #position: LaneHead | undefined
  readonly #passed = new Map<number, string>()

  /** Undefined until the lane was adopted. */
  get position(): LaneHead | undefined {
    return this.#position
  }

  adopt(head: LaneHead): void {
    this.#passed.clear()
    this.#reach(head)
  }

  /** `next`: told now. `old`: known already. `gap`: something lies in between, or the history is another one. */
  take(change: LoggedChange): 'next' | 'old' | 'gap' {
    const at = this.#position
    if (at === undefined) return 'gap'
    if (change.sequence <= at.sequence) return 'old'
    if (change.sequence !== at.sequence + 1 || change.before !== at.id) return 'gap'
    this.#reach(change)
    return 'next'
  }

  /** Whether the lane had come by this head. */
  hasPassed({ sequence, id }: LaneHead): boolean {
    return this.#passed.get(sequence) === id
  }

  /** What of a log comes after the position; undefined when the log does not go on from there. */
  missing(log: readonly LoggedChange[], head: LaneHead): readonly LoggedChange[] | undefined {
    const at = this.#position
    if (at === undefined) return undefined
    if (at.sequence === head.sequence) return at.id === head.id ? [] : undefined
    const from = log.findIndex(({ sequence, before }) => sequence === at.sequence + 1 && before === at.id)
    return from === -1 ? undefined : log.slice(from)
  }

  #reach({ sequence, id }: LaneHead): void {
    this.#position = { sequence, id }
    this.#passed.set(sequence, id)
    this.#passed.delete(sequence - remembered)
  }
}
