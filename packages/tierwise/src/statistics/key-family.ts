const separators = /[:/|.#]/
/** Longer parts are ids or digests, whatever they are made of. */
const longestName = 24

/**
 * The family a key belongs to: its parts before the first that looks like an id (it has a digit, or is long) and `*`.
 * `user:4711:profile` and `user:12` are of `user:*`; a key without such a part is a family of its own but for its last part.
 */
export function keyFamily(key: string): string {
  let start = 0
  while (start < key.length) {
    const length = key.slice(start).search(separators)
    const end = length === -1 ? key.length : start + length
    if (length === -1 || isId(key, start, end)) break
    start = end + 1
  }
  return `${key.slice(0, start)}*`
}

function isId(key: string, start: number, end: number): boolean {
  if (end - start > longestName) return true
  for (let at = start; at < end; at++) {
    const code = key.charCodeAt(at)
    if (code >= 48 && code <= 57) return true
  }
  return false
}
