import type { Bus } from '../contract/bus.ts'

/**
 * Up to which instant each lane of the bus has been told. What was current then, and has not been invalidated since, was
 * superseded no longer ago than that: this is the proof behind the right to serve.
 */
export class LaneProofs {
  readonly #bus: Pick<Bus, 'lanes' | 'tagLane' | 'laneOf'>
  readonly #confirmedAt: number[] = []
  #oldest = -Infinity

  constructor(bus: Pick<Bus, 'lanes' | 'tagLane' | 'laneOf'>) {
    this.#bus = bus
  }

  /** The instant up to which every lane has been told; -Infinity while one of them is lost. Epoch milliseconds. */
  get oldest(): number {
    return this.#oldest
  }

  /** The instant up to which changes of tags have been told, clears included. */
  get ofTags(): number {
    return this.#of(this.#bus.tagLane)
  }

  /** The instant up to which everything that may concern the storage key has been told. */
  ofKey(key: string): number {
    return Math.min(this.#of(this.#bus.laneOf(key)), this.ofTags)
  }

  confirm(lane: number, instant: number): void {
    if (instant <= this.#of(lane)) return
    this.#confirmedAt[lane] = instant
    this.#update()
  }

  lose(lane: number): void {
    this.#confirmedAt[lane] = -Infinity
    this.#oldest = -Infinity
  }

  #of(lane: number): number {
    return this.#confirmedAt[lane] ?? -Infinity
  }

  #update(): void {
    let oldest = Infinity
    for (let lane = 0; lane < this.#bus.lanes; lane++) oldest = Math.min(oldest, this.#of(lane))
    this.#oldest = oldest === Infinity ? -Infinity : oldest
  }
}
