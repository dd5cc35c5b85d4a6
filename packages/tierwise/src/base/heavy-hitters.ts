/** An item of a `HeavyHitters` table: counted `count` times, of which at most `error` were of others. */
export interface HeavyHitter {
  readonly item: string
  readonly count: number
  readonly error: number
}

/**
 * The most frequent items of a stream, in fixed memory: Space-Saving (Metwally, Agrawal, El Abbadi: "Efficient Computation
 * of Frequent and Top-k Elements in Data Streams", ICDT 2005). An item that made up more than one part in `capacity` of
 * the stream is always among them; a newcomer takes the place of the rarest and inherits its count as its error.
 *
 * Made for small tables: a newcomer to a full one looks at every place.
 */
export class HeavyHitters {
  readonly #capacity: number
  readonly #counts = new Map<string, { count: number; error: number }>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Counts an item, or `weight` of them. */
  add(item: string, weight = 1): void {
    const held = this.#counts.get(item)
    if (held !== undefined) {
      held.count += weight
      return
    }
    const error = this.#counts.size < this.#capacity ? 0 : this.#removeRarest()
    this.#counts.set(item, { count: error + weight, error })
  }

  /** Multiplies all counts by a factor below 1, so that the table follows the stream; what has come to nothing leaves it. */
  age(factor: number): void {
    for (const [item, held] of this.#counts) {
      held.count *= factor
      held.error *= factor
      if (held.count < 0.5) this.#counts.delete(item)
    }
  }

  /** Most frequent first; those counted less than `atLeast` are left out, which costs less than to sort them. */
  top(most: number, atLeast = 0): readonly HeavyHitter[] {
    const found: HeavyHitter[] = []
    for (const [item, { count, error }] of this.#counts) if (count >= atLeast) found.push({ item, count, error })
    return found.toSorted((a, b) => b.count - a.count).slice(0, most)
  }

  #removeRarest(): number {
    let rarest = ''
    let least = Infinity
    for (const [item, { count }] of this.#counts) {
      if (count >= least) continue
      rarest = item
      least = count
    }
    this.#counts.delete(rarest)
    return least
  }
}
