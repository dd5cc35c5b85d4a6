const narrowEnd = 2 ** 31 - 1

/**
 * One number a slot, kept as the distance from an origin: four bytes while every number fits, eight from the first one
 * that does not. Distances are whole; what is stored is rounded down.
 *
 * Instants near the birth of the tier and versions near their instant fit for weeks, so a million entries save
 * megabytes, and nothing ever has to be moved to a new origin. Widening copies the column once.
 */
export class NumberColumn {
  readonly origin: number
  /** Distances, for the hit path; `never` stands for `Infinity`. */
  data: Int32Array | Float64Array
  never: number = narrowEnd

  constructor(origin: number, capacity: number) {
    this.origin = origin
    this.data = new Int32Array(capacity)
  }

  get(slot: number): number {
    const distance = this.data[slot] as number
    return distance === this.never ? Infinity : this.origin + distance
  }

  set(slot: number, value: number): void {
    if (value === Infinity) {
      this.data[slot] = this.never
      return
    }
    const distance = Math.floor(value - this.origin)
    const fits = distance >= -narrowEnd && distance < narrowEnd
    if (!fits && this.never === narrowEnd) this.#widen()
    this.data[slot] = distance
  }

  #widen(): void {
    const wide = new Float64Array(this.data.length)
    for (let slot = 0; slot < wide.length; slot++) {
      const distance = this.data[slot] as number
      wide[slot] = distance === narrowEnd ? Infinity : distance
    }
    this.data = wide
    this.never = Infinity
  }

  reserve(capacity: number): void {
    if (this.data.length >= capacity) return
    const data = this.never === narrowEnd ? new Int32Array(capacity) : new Float64Array(capacity)
    data.set(this.data)
    this.data = data
  }

  /** The same numbers with room for `capacity`. */
  copy(capacity: number): NumberColumn {
    const twin = new NumberColumn(this.origin, 0)
    twin.data = this.data.slice()
    twin.never = this.never
    twin.reserve(capacity)
    return twin
  }
}
