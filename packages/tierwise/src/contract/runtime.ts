/** Where time comes from. The engine never reads a wall clock directly, so tests can drive time. */
export interface Clock {
  /** Epoch milliseconds that never step back and ignore wall-clock jumps during the life of the process. */
  now(): number
  /**
   * Like `now`, but one reading may serve a burst: consecutive calls that follow each other within microseconds may
   * share it. Only for the memory-hit path, where reading the clock would cost as much as the look-up.
   */
  burstNow(): number
}

export interface Timer {
  cancel(): void
}

/** Timers that never keep the process alive. */
export interface Timers {
  after(ms: number, run: () => void): Timer
  every(ms: number, run: () => void): Timer
}

/** Uniform numbers in [0, 1). */
export type Random = () => number

/** Everything the engine takes from its surroundings. Replace it in tests. */
export interface Runtime {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
}
