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
    if (change.sequence <= at.sequence) return this.#contradicts(change) ? 'gap' : 'old'
    if (change.before !== at.id) return 'gap'
    this.#reach(change)
    return 'next'
  }

  /** Whether the lane had come by this head. */
  hasPassed({ sequence, id }: LaneHead): boolean {
    return this.#passed.get(sequence) === id
  }

  /** The part of the log after the position, if the lane has gone on from there; undefined when it has not. */
  missing(log: readonly LoggedChange[], head: LaneHead): readonly LoggedChange[] | undefined {
    const at = this.#position
    if (at === undefined) return undefined
    if (at.sequence === head.sequence) return at.id === head.id ? [] : undefined
    return log[0]?.before === at.id ? log : undefined
  }

  /** Whether another change had this number: the store has gone back, and on from there. */
  #contradicts({ sequence, id }: LoggedChange): boolean {
    return (this.#passed.get(sequence) ?? id) !== id
  }

  #reach({ sequence, id }: LaneHead): void {
    this.#position = { sequence, id }
    this.#passed.set(sequence, id)
    this.#passed.delete(sequence - remembered)
  }
}
