const separators = /[:/|.#]/
/** Longer parts are ids or digests, whatever they are made of. */
const longestName = 24
const longestFamily = 64

/**
 * The family a key belongs to: its parts before the first that looks like an id (it has a digit, or is long) or is the last,
 * and `*`. `user:4711:profile` and `user:12` are of `user:*`, `report:daily` is of `report:*`; a key of one part that is a
 * name is its own family.
 */
export function keyFamily(key: string): string {
  let start = 0
  for (;;) {
    const length = key.slice(start).search(separators)
    const isLast = length === -1
    const isName = !looksLikeId(key, start, isLast ? key.length : start + length)
    if (isLast && start === 0 && isName) return key
    if (isLast || !isName) return `${key.slice(0, Math.min(start, longestFamily))}*`
    start += length + 1
  }
}

function looksLikeId(key: string, start: number, end: number): boolean {
  if (end - start > longestName) return true
  for (let at = start; at < end; at++) {
    const code = key.charCodeAt(at)
    if (code >= 48 && code <= 57) return true
  }
  return false
}
