/** A point in the history of a lane: what happened up to the change with this number, which has this id. */
export interface LanePoint {
  readonly sequence: number
  readonly id: string
}

/** `next`: follows what was applied. `known`: was applied before. `gap`: something lies in between, or another history has begun. */
export type Standing = 'next' | 'known' | 'gap'

/** How many of the latest points are remembered. More can hardly arrive while one reply is on its way. */
const remembered = 1024

/**
 * How far a lane was applied. Numbers alone prove nothing: a server that lost its last changes counts them again. So each
 * message names the id of the one before it, and a point counts as applied only with its id.
 */
export class LaneState {
  readonly #points: (LanePoint | undefined)[] = []
  #last: LanePoint | undefined

  get last(): LanePoint | undefined {
    return this.#last
  }

  /** What comes next follows this point; all that was remembered is void. */
  adopt(point: LanePoint): void {
    this.#points.length = 0
    this.#remember(point)
  }

  /** Moves on to the message if it is the next one. */
  accept(message: LanePoint & { readonly before: string }): Standing {
    const last = this.#last
    if (last === undefined || message.sequence > last.sequence + 1) return 'gap'
    // protocol P3 contradiction: a server that lost its last changes counts them again
    if (message.sequence <= last.sequence) return this.#contradicts(message) ? 'gap' : 'known'
    // protocol P3 id-follows: the message may belong to another history
    if (message.before !== last.id) return 'gap'
    this.#remember({ sequence: message.sequence, id: message.id })
    return 'next'
  }

  /** Whether exactly this point is among the latest that were applied. */
  hasReached(point: LanePoint): boolean {
    // protocol P3 id-reached: the same number may stand for another change
    return this.#at(point.sequence)?.id === point.id
  }

  #contradicts(point: LanePoint): boolean {
    const held = this.#at(point.sequence)
    return held !== undefined && held.id !== point.id
  }

  #at(sequence: number): LanePoint | undefined {
    const held = this.#points[sequence % remembered]
    return held?.sequence === sequence ? held : undefined
  }

  #remember(point: LanePoint): void {
    this.#last = point
    this.#points[point.sequence % remembered] = point
  }
}
