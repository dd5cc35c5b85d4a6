/**
 * What the disk tier keeps in front of each frame, so that it never has to look into one.
 *
 * | offset | bytes | content                                                                    |
 * | ------ | ----- | -------------------------------------------------------------------------- |
 * | 0      | 4     | CRC-32 of bytes 4 to 40 and of the key, if it is carried                     |
 * | 4      | 1     | layout, 1                                                                  |
 * | 5      | 3     | zero                                                                       |
 * | 8      | 8     | version                                                                    |
 * | 16     | 8     | expiry, epoch milliseconds, Infinity for never                             |
 * | 24     | 8     | written at, epoch milliseconds                                             |
 * | 32     | 4     | trust generation: see `session.ts`                                       |
 * | 36     | 4     | bytes of the key that follows; 0 unless the stored key is a hash           |
 * | 40     |       | the key (UTF-16), then the frame, which has a checksum of its own          |
 *
 * Numbers are little-endian, versions and times are doubles. A tombstone has the same prefix and nothing else.
 */
import { crc32 } from 'node:zlib'

const prefixBytes = 40
const layout = 1

export interface RecordHead {
  readonly version: number
  readonly expiresAt: number
  readonly writtenAt: number
  readonly generation: number
}

/** One record as it lies in the database; `head` reads the prefix where it is. */
export class StoredRecord {
  readonly #bytes: Buffer
  readonly #keyBytes: number

  private constructor(bytes: Buffer, keyBytes: number) {
    this.#bytes = bytes
    this.#keyBytes = keyBytes
  }

  /** Undefined when the prefix is damaged. `bytes` must hold the record and nothing else. */
  static read(bytes: Buffer): StoredRecord | undefined {
    const size = bytes.length
    if (size < prefixBytes || bytes[4] !== layout) return undefined
    const keyBytes = bytes.readUInt32LE(36)
    if (keyBytes > size - prefixBytes) return undefined
    if (checksumOf(bytes, keyBytes) !== bytes.readUInt32LE(0)) return undefined
    return new StoredRecord(bytes, keyBytes)
  }

  get version(): number {
    return this.#bytes.readDoubleLE(8)
  }

  get expiresAt(): number {
    return this.#bytes.readDoubleLE(16)
  }

  get writtenAt(): number {
    return this.#bytes.readDoubleLE(24)
  }

  get generation(): number {
    return this.#bytes.readUInt32LE(32)
  }

  /** Whether the stored key is a hash and the record has the key itself. */
  get carriesKey(): boolean {
    return this.#keyBytes > 0
  }

  /** The UTF-16 bytes of the key; empty when the stored key is the key. */
  get keyBytes(): Buffer {
    return this.#bytes.subarray(prefixBytes, prefixBytes + this.#keyBytes)
  }

  get frame(): Buffer {
    // LMDB hands out a larger buffer whose `length` it overrides, and newer Nodes do not ask for that here.
    return this.#bytes.subarray(prefixBytes + this.#keyBytes, this.#bytes.length)
  }
}

const noBytes = new Uint8Array(0)

/** The bytes to store: prefix, the key if it has to be carried, frame. */
export function recordBytes(head: RecordHead, frame: Uint8Array = noBytes, key: Uint8Array = noBytes): Buffer {
  const bytes = Buffer.allocUnsafe(prefixBytes + key.length + frame.length)
  bytes.writeUInt32LE(layout, 4)
  bytes.writeDoubleLE(head.version, 8)
  bytes.writeDoubleLE(head.expiresAt, 16)
  bytes.writeDoubleLE(head.writtenAt, 24)
  bytes.writeUInt32LE(head.generation, 32)
  bytes.writeUInt32LE(key.length, 36)
  bytes.set(key, prefixBytes)
  bytes.set(frame, prefixBytes + key.length)
  bytes.writeUInt32LE(checksumOf(bytes, key.length), 0)
  return bytes
}

/** How many bytes a record takes beyond its frame. */
export function recordOverhead(carriedKeyBytes: number): number {
  return prefixBytes + carriedKeyBytes
}

/** CRC-32 of a byte, for each byte. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb88320
  return crc
})

/** For the 36 bytes that nearly every read checks, the call of `zlib.crc32` takes longer than the sum. */
function checksumOf(bytes: Buffer, keyBytes: number): number {
  if (keyBytes > 0) return crc32(bytes.subarray(4, prefixBytes + keyBytes))
  let crc = 0xffffffff
  for (let at = 4; at < prefixBytes; at++) crc = (crcTable[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8)
  return ~crc >>> 0
}
