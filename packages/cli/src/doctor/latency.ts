/** How long some questions took, in milliseconds. */
export interface Latency {
  readonly p50: number
  readonly max: number
}

/** Asks one after the other; the first one, which may wait for a connection, does not count. */
export async function measureLatency(ask: () => Promise<unknown>, times = 15): Promise<Latency> {
  await ask()
  const taken: number[] = []
  while (taken.length < times) {
    const start = performance.now()
    await ask()
    taken.push(performance.now() - start)
  }
  const sorted = taken.toSorted((a, b) => a - b)
  return { p50: sorted[Math.floor(times / 2)] ?? 0, max: sorted.at(-1) ?? 0 }
}

/** How far a clock is ahead of the one of this process, from what it showed at some instant between two. */
export interface ClockReading {
  readonly offsetMs: number
  /** The truth is within this many milliseconds. */
  readonly errorMs: number
}

export async function readClock(ask: () => Promise<number>): Promise<ClockReading> {
  const before = Date.now()
  const theirs = await ask()
  const after = Date.now()
  return { offsetMs: theirs - (before + after) / 2, errorMs: (after - before) / 2 + 1 }
}
