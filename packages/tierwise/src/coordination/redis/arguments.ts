/** More than 3000 years. Servers refuse lives that they cannot add to their clock. */
const longestMs = 1e14

/** A life as scripts take it: whole milliseconds, rounded up, at least one; empty for never ending. */
export function lifeText(ms: number | undefined): string {
  return ms === undefined || ms === Infinity ? '' : String(Math.min(longestMs, Math.max(1, Math.ceil(ms))))
}

/** As `lifeText`, of something that keeps its life when it is given none. */
export function newLifeText(ms: number | undefined): string {
  return ms === undefined ? 'keep' : lifeText(ms)
}

/** A score as servers take it. */
export function scoreText(score: number): string {
  if (Number.isFinite(score)) return String(score)
  return score > 0 ? '+inf' : '-inf'
}
