/*
 * Big-endian integers without a `DataView` per frame and without `Buffer` methods, because a store may hand out a bare
 * `Uint8Array`.
 */

const word = 2 ** 32

/** Epoch microseconds that mean "for ever". */
const forever = 2 ** 64

export function readUint16(bytes: Uint8Array, at: number): number {
  return (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1)
}

export function readUint32(bytes: Uint8Array, at: number): number {
  const high = (byteAt(bytes, at) << 24) | (byteAt(bytes, at + 1) << 16)
  return (high | (byteAt(bytes, at + 2) << 8) | byteAt(bytes, at + 3)) >>> 0
}

/** Exact up to 2^53. */
export function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * word + readUint32(bytes, at + 4)
}

export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

export function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, Math.floor(value / word))
  writeUint32(bytes, at + 4, value % word)
}

/** Milliseconds from microseconds; all bits set is `Infinity`, and so is everything that rounds to it. */
export function readMillis(bytes: Uint8Array, at: number): number {
  const micros = readUint64(bytes, at)
  return micros >= forever ? Infinity : micros / 1000
}

/** Rounds to microseconds; a time before 1970 becomes 1970, one that 64 bits cannot hold becomes `Infinity`. */
export function writeMillis(bytes: Uint8Array, at: number, ms: number): void {
  const micros = Math.max(0, Math.round(ms * 1000))
  if (micros >= forever) bytes.fill(0xff, at, at + 8)
  else writeUint64(bytes, at, micros)
}

/** Reading past the end gives 0; what was read counts only after the frame's length and checksum were found right. */
function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
