const slices = 10

/**
 * Calls and failures of the last stretch of time, in ten slices: a slice is forgotten as a whole, so the stretch is up
 * to a tenth shorter than asked for. Counting allocates nothing.
 */
export class RollingCount {
  readonly #sliceMs: number
  readonly #callsIn: Uint32Array = new Uint32Array(slices)
  readonly #failuresIn: Uint32Array = new Uint32Array(slices)
  #slice = 0
  #calls = 0
  #failures = 0

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / slices
  }

  get calls(): number {
    return this.#calls
  }

  get failures(): number {
    return this.#failures
  }

  add(now: number, hasFailed: boolean): void {
    const slice = Math.floor(now / this.#sliceMs)
    if (slice > this.#slice) this.#forget(slice)
    const at = this.#slice % slices
    this.#callsIn[at]!++
    this.#calls++
    if (!hasFailed) return
    this.#failuresIn[at]!++
    this.#failures++
  }

  clear(): void {
    this.#callsIn.fill(0)
    this.#failuresIn.fill(0)
    this.#calls = 0
    this.#failures = 0
  }

  #forget(slice: number): void {
    if (slice - this.#slice >= slices) this.clear()
    else
      for (let old = this.#slice + 1; old <= slice; old++) {
        const at = old % slices
        this.#calls -= this.#callsIn[at]!
        this.#failures -= this.#failuresIn[at]!
        this.#callsIn[at] = 0
        this.#failuresIn[at] = 0
      }
    this.#slice = slice
  }
}
