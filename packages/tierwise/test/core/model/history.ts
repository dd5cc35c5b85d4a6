/**
 * The reference of the model test: what a read of a key may answer, given what was acknowledged before it began.
 *
 * The source of each key counts up, so a value says how old it is. A change first moves the source on and then tells the
 * cache; once the cache has confirmed it, no read that begins later may answer anything older. A read that overlaps a
 * change may answer either side of it.
 */
export class History {
  readonly #source = new Map<string, number>()
  readonly #floor = new Map<string, number>()
  readonly #softFloor = new Map<string, number>()
  readonly violations: string[] = []

  /** What a loader that runs now brings. */
  current(key: string): number {
    return this.#source.get(key) ?? 0
  }

  /** Moves the source on; the new value. */
  move(key: string): number {
    const next = this.current(key) + 1
    this.#source.set(key, next)
    return next
  }

  /** The cache has confirmed that it knows of this value, or that whatever is older is gone. */
  confirm(key: string, value: number): void {
    raise(this.#floor, key, value)
    raise(this.#softFloor, key, value)
  }

  /** As `confirm`, but an older value may still stand in while a loader fails. */
  confirmExpiry(key: string, value: number): void {
    raise(this.#softFloor, key, value)
  }

  /** The oldest value that a read which begins now may answer. */
  floor(key: string): number {
    return this.#softFloor.get(key) ?? 0
  }

  /** The oldest value that may stand in for a failed load which begins now. */
  staleFloor(key: string): number {
    return this.#floor.get(key) ?? 0
  }

  check(what: string, key: string, seen: { value: unknown; floor: number }): void {
    const { value, floor } = seen
    if (value === undefined) return
    if (typeof value === 'number' && value >= floor && value <= this.current(key)) return
    this.violations.push(
      `${what} of ${key} answered ${JSON.stringify(value)}, and ${floor} was confirmed before it began`,
    )
  }
}

function raise(floors: Map<string, number>, key: string, value: number): void {
  floors.set(key, Math.max(value, floors.get(key) ?? 0))
}
