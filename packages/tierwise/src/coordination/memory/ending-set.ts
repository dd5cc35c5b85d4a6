/** Below so many members that entered since the last clearance none is worth it. */
const leastClearance = 64

/**
 * Members that end by themselves, at epoch milliseconds. What asks for some members costs as many; what needs all of them
 * removes those that have ended first, but only when one of them can have. As many as there are may have ended and not be
 * removed yet.
 */
export class EndingSet {
  readonly #ends = new Map<string, number>()
  /** No member ends before. */
  #soonest = Infinity
  /** No member ends after. */
  #latest = -Infinity
  #clearedSize = 0

  get latest(): number {
    return this.#latest
  }

  /** With those that have ended and are not removed yet. */
  get heldSize(): number {
    return this.#ends.size
  }

  has(member: string, now: number): boolean {
    return (this.#ends.get(member) ?? -Infinity) > now
  }

  /** Whether it was new. */
  enter(member: string, end: number, now: number): boolean {
    const wasNew = !this.has(member, now)
    this.#ends.set(member, end)
    this.#widen(end)
    if (this.#ends.size > 2 * this.#clearedSize + leastClearance) this.clear(now)
    return wasNew
  }

  /** Whether it was there. */
  leave(member: string, now: number): boolean {
    const wasThere = this.has(member, now)
    this.#ends.delete(member)
    return wasThere
  }

  size(now: number): number {
    this.clear(now)
    return this.#ends.size
  }

  members(now: number): string[] {
    this.clear(now)
    return [...this.#ends.keys()]
  }

  /** Removes the members that have ended; how many it looked at. */
  clear(now: number): number {
    const looked = this.#soonest <= now ? this.#ends.size : 0
    if (looked > 0) {
      this.#soonest = Infinity
      this.#latest = -Infinity
      for (const [member, end] of this.#ends) {
        if (end <= now) this.#ends.delete(member)
        else this.#widen(end)
      }
    }
    this.#clearedSize = this.#ends.size
    return looked
  }

  #widen(end: number): void {
    if (end < this.#soonest) this.#soonest = end
    if (end > this.#latest) this.#latest = end
  }
}
