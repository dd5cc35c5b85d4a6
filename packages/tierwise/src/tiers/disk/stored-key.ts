/**
 * How a key of the cache becomes a key of LMDB, which takes at most 1978 bytes.
 *
 * Ordinary keys are stored as their UTF-8. Keys that are too long, empty, or have no UTF-8 (a lone surrogate) are stored
 * as the start of their UTF-8, the byte 0xFF, and a SHA-256 of the whole key; the record then carries the key itself.
 * 0xFF never occurs in UTF-8, so the two kinds cannot collide, and both begin with the bytes of any prefix of the key
 * that fits, so one key range finds all keys of a prefix.
 */
import { createHash } from 'node:crypto'

/** A string is an ordinary key; bytes are the hashed form of an irregular one. */
export type StoredKey = string | Uint8Array

/** Three bytes of UTF-8 for each UTF-16 unit is the worst case, so this stays below the limit of LMDB. */
const longestOrdinaryKey = 600
const longestHead = 1024
const hashMark = 0xff
/** With the `u` flag a pair is one character, so only lone halves match. */
const loneSurrogate = /\p{Surrogate}/u

export function storedKeyOf(key: string): StoredKey {
  return isOrdinary(key) ? key : hashedKey(key)
}

/** The ordinary key back from its bytes, or undefined for a hashed one. */
export function ordinaryKeyOf(bytes: Uint8Array): string | undefined {
  return bytes.includes(hashMark) ? undefined : viewOf(bytes).toString('utf8')
}

/** Lossless for any string, unlike UTF-8. */
export function keyToBytes(key: string): Buffer {
  return Buffer.from(key, 'utf16le')
}

export function keyFromBytes(bytes: Uint8Array): string {
  return viewOf(bytes).toString('utf16le')
}

export interface KeyRange {
  readonly start: Uint8Array | undefined
  readonly end: Uint8Array | undefined
  /** False when the range holds other keys too, so that each key must be compared with the prefix. */
  readonly exact: boolean
}

/** The range of stored keys in which every key with this prefix lies. */
export function rangeOfPrefix(prefix: string): KeyRange {
  const head = headOf(prefix)
  if (head.length === 0) return { start: undefined, end: undefined, exact: prefix === '' }
  const end = Buffer.from(head)
  // The last byte of (a part of) UTF-8 is below 0xFF, so raising it cannot overflow.
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1
  return { start: head, end, exact: head.length < longestHead && !loneSurrogate.test(prefix) }
}

/** How LMDB writes and reads stored keys. */
export const storedKeyEncoder: {
  writeKey(key: StoredKey, target: Buffer, start: number): number
  readKey(source: Uint8Array, start: number, end: number): Uint8Array
} = {
  writeKey(key, target, start) {
    if (typeof key === 'string') return start + target.write(key, start)
    target.set(key, start)
    return start + key.length
  },
  readKey(source, start, end) {
    return Uint8Array.prototype.slice.call(source, start, end)
  },
}

function isOrdinary(key: string): boolean {
  return key.length > 0 && key.length <= longestOrdinaryKey && !loneSurrogate.test(key)
}

function hashedKey(key: string): Uint8Array {
  const hash = createHash('sha256').update(keyToBytes(key)).digest()
  return Buffer.concat([headOf(key), Buffer.of(hashMark), hash])
}

function headOf(key: string): Buffer {
  const cut = key.search(loneSurrogate)
  const wellFormed = cut === -1 ? key : key.slice(0, cut)
  return Buffer.from(wellFormed.slice(0, longestHead), 'utf8').subarray(0, longestHead)
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
