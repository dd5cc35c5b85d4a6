/**
 * The fixed head of a frame and the key behind it, which docs/reference/wire-format.md describes. Nothing more is read:
 * a value of a megabyte is not fetched to learn when it ends.
 */
export interface FrameHead {
  readonly key: string
  readonly createdAt: number
  readonly usableUntil: number
  readonly valueBytes: number
}

const magic = 0x5457
const format = 1
const at = { format: 2, usableUntil: 20, createdAt: 28, keyBytes: 56, valueBytes: 64, key: 68 } as const

/** Bytes from the start of a frame that have its head and a key of this many bytes. */
export function headBytes(keyBytes: number): number {
  return at.key + keyBytes
}

/** Undefined for bytes that are no frame of this format, or too few. */
export function readFrameHead(bytes: Buffer): FrameHead | undefined {
  if (bytes.length < at.key || bytes.readUInt16BE(0) !== magic || bytes[at.format] !== format) return undefined
  const end = at.key + bytes.readUInt16BE(at.keyBytes)
  if (bytes.length < end) return undefined
  return {
    key: bytes.toString('utf8', at.key, end),
    createdAt: instantAt(bytes, at.createdAt),
    usableUntil: instantAt(bytes, at.usableUntil),
    valueBytes: bytes.readUInt32BE(at.valueBytes),
  }
}

/** Microseconds; all ones is never. */
function instantAt(bytes: Buffer, offset: number): number {
  const microseconds = bytes.readBigUInt64BE(offset)
  return microseconds === 0xffff_ffff_ffff_ffffn ? Infinity : Number(microseconds) / 1000
}
