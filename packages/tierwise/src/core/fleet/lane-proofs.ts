import type { Bus } from '../../contract/bus.ts'

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
    // protocol P3 proof-of-tags: a clear, or an invalidation of a tag, is told in a lane of its own
    return Math.min(this.#of(this.#bus.laneOf(key)), this.ofTags)
  }

  /** Whether the lane had no proof before. */
  confirm(lane: number, instant: number): boolean {
    const before = this.#of(lane)
    if (instant <= before) return false
    this.#confirmedAt[lane] = instant
    this.#update()
    return before === -Infinity
  }

  /** Whether the lane had a proof. */
  lose(lane: number): boolean {
    const before = this.#of(lane)
    // protocol P3 loss-ends-proof: changes may have been missed that were made before the proof
    this.#confirmedAt[lane] = -Infinity
    // protocol P3 loss-ends-hits: the hit looks at the oldest proof only
    this.#oldest = -Infinity
    return before !== -Infinity
  }

  #of(lane: number): number {
    return this.#confirmedAt[lane] ?? -Infinity
  }

  #update(): void {
    let oldest = Infinity
    // protocol P3 oldest-proof: a lane that is told proves nothing of the others
    for (let lane = 0; lane < this.#bus.lanes; lane++) oldest = Math.min(oldest, this.#of(lane))
    this.#oldest = oldest === Infinity ? -Infinity : oldest
  }
}
