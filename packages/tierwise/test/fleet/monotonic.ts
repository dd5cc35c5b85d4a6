/** How far CLOCK_MONOTONIC is ahead of the clock of this process. A pause between the two readings only adds to it. */
const aheadMs = Math.min(
  ...Array.from({ length: 50 }, () => {
    const own = performance.now()
    const [seconds, nanoseconds] = process.hrtime()
    return seconds * 1000 + nanoseconds / 1e6 - own
  }),
)

/** Milliseconds of the clock that all processes of a host share, and that no step of the wall clock moves. */
export function monotonicMs(): number {
  return performance.now() + aheadMs
}
