import { hash } from 'node:crypto'

/** The 64-bit number that finds the row of a key, as PostgreSQL writes a `bigint`. */
export type KeyHash = (key: string) => string

/**
 * The first 64 bits of SHA-256: about a microsecond a key, and nobody can choose keys that collide, which would keep
 * them out of the cache.
 */
export const keyHash: KeyHash = (key) => BigInt.asIntN(64, BigInt(`0x${hash('sha256', key).slice(0, 16)}`)).toString()

/** How much of a key the index of prefixes has; a whole key may be longer than an index entry. */
export const headBytes = 64

export interface PrefixRange {
  readonly prefix: Uint8Array
  /** The heads of all keys under the prefix are in `[from, to)`; no end for the empty prefix. */
  readonly from: Uint8Array
  readonly to: Uint8Array | null
}

export function rangeOfPrefix(text: string): PrefixRange {
  const prefix = Buffer.from(text)
  const from = prefix.subarray(0, headBytes)
  if (from.length === 0) return { prefix, from, to: null }
  const to = Buffer.from(from)
  // UTF-8 has no byte 255, so the last byte can always be raised.
  to[to.length - 1] = (to.at(-1) ?? 0) + 1
  return { prefix, from, to }
}

/** The second of two marks around the namespace in a key of the engine; empty for any other key. */
export function namespaceOf(key: string): string {
  return key.split(':', 3)[2] ?? ''
}
