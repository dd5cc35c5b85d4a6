/** What is longer than this is for ever: a hundred thousand years, far from where numbers of the server end. */
const longestMs = 4e15

/** A stretch as the server takes it: whole milliseconds, null for ever. */
export function stretch(ms: number | undefined): number | null {
  return ms === undefined || ms > longestMs ? null : Math.ceil(ms)
}

/** As `stretch`, for what must have an end there. */
export function boundedStretch(ms: number): number {
  return stretch(ms) ?? longestMs
}

/** Milliseconds that are left, of a column that is null for ever. */
export function leftIn(column: unknown): number {
  const ms = column === null ? Infinity : Number(column)
  return ms > longestMs / 2 ? Infinity : ms
}
