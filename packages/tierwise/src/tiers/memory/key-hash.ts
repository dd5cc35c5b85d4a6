/**
 * A 32-bit hash of a key, two characters a step (the rounds of MurmurHash3, A. Appleby). The seed differs by process, so
 * nobody can prepare keys that share counters.
 */
export function hashKey(key: string, seed: number): number {
  const { length } = key
  let hash = seed ^ length
  for (let at = 1; at < length; at += 2) hash = mixIn(hash, key.charCodeAt(at - 1) | (key.charCodeAt(at) << 16))
  if (length % 2 === 1) hash = mixIn(hash, key.charCodeAt(length - 1))
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function mixIn(hash: number, pair: number): number {
  const scattered = Math.imul(pair, 0xcc9e2d51)
  const mixed = hash ^ Math.imul((scattered << 15) | (scattered >>> 17), 0x1b873593)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}
