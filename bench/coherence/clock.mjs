/** Milliseconds of the monotonic clock that all processes of a host share. */
export function hostMs() {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
