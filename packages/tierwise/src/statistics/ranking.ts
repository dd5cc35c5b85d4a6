/** The largest of many, found without sorting them all: what is too small for the list is not even asked for. */
export class Ranking<T> {
  readonly #most: number
  readonly #sizeOf: (item: T) => number
  #best: T[] = []

  constructor(most: number, sizeOf: (item: T) => number) {
    this.#most = most
    this.#sizeOf = sizeOf
  }

  /** What is smaller has no place. */
  get atLeast(): number {
    const last = this.#best[this.#most - 1]
    return last === undefined ? 0 : this.#sizeOf(last)
  }

  add(items: readonly T[]): void {
    if (items.length === 0) return
    this.#best = [...this.#best, ...items].toSorted((a, b) => this.#sizeOf(b) - this.#sizeOf(a)).slice(0, this.#most)
  }

  /** Largest first. */
  get list(): readonly T[] {
    return this.#best
  }
}
