import { crc32 } from 'node:zlib'
import type { Entry } from '../../contract/entry.ts'
import { CodecError } from '../../errors.ts'
import { undecodable } from '../refusal.ts'
import { nonceBytes } from './encryption.ts'
import { readMillis, readUint16, readUint32, readUint64 } from './integers.ts'
import { at, checksumBytes, compressionMask, encrypted, format, knownAttributes, magic, softExpired } from './layout.ts'
import type { PayloadForm } from './payload.ts'

/** A frame whose checksum and lengths are right. One object for each frame that is read: the rest is read where it lies. */
export interface ParsedFrame extends PayloadForm {
  readonly bytes: Buffer
  readonly keyEnd: number
  readonly tags: readonly string[]
  /** Where the nonce starts when there is one, otherwise the payload. */
  readonly bodyAt: number
}

/**
 * Checks a frame, checksum first, and finds its parts.
 *
 * @throws CodecError ERR_CACHE_FORMAT_NEWER, ERR_CACHE_DECODE
 */
export function parseFrame(input: Uint8Array): ParsedFrame {
  const bytes = Buffer.isBuffer(input) ? input : Buffer.from(input.buffer, input.byteOffset, input.byteLength)
  verify(bytes)
  const keyEnd = at.key + readUint16(bytes, at.keyBytes)
  const tags: string[] = []
  const bodyAt = readTags(bytes, keyEnd, tags)
  const attributes = bytes[at.attributes]!
  if ((attributes & ~knownAttributes) !== 0)
    throw undecodable('the frame has an attribute that this version does not know')
  const encryptionKeyId = (attributes & encrypted) === 0 ? undefined : bytes[at.encryptionKey]
  const storedBytes = readUint32(bytes, at.storedBytes)
  const nonce = encryptionKeyId === undefined ? 0 : nonceBytes
  if (bodyAt + nonce + storedBytes + checksumBytes !== bytes.length)
    throw undecodable('the lengths in the frame contradict each other')
  return {
    bytes,
    keyEnd,
    tags,
    bodyAt,
    codecId: bytes[at.codec]!,
    compressionId: attributes & compressionMask,
    encryptionKeyId,
    valueBytes: readUint32(bytes, at.valueBytes),
    storedBytes,
  }
}

export function keyOf({ bytes, keyEnd }: ParsedFrame): string {
  return bytes.toString('utf8', at.key, keyEnd)
}

/** Whether the frame was written for this key. Compares bytes: a string of the key in the frame would serve nothing else. */
export function isFor(frame: ParsedFrame, key: string): boolean {
  const { bytes, keyEnd } = frame
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i)
    if (code >= 0x80) return keyOf(frame) === key
    if (code !== bytes[at.key + i]) return false
  }
  return key.length === keyEnd - at.key
}

/** What the frame says of an entry with this value. @throws CodecError ERR_CACHE_DECODE */
export function entryOf({ bytes, tags, valueBytes }: ParsedFrame, value: unknown, given?: number): Entry {
  const version = given ?? readUint64(bytes, at.version)
  const tagClock = readUint64(bytes, at.tagClock)
  if (version > Number.MAX_SAFE_INTEGER || tagClock > Number.MAX_SAFE_INTEGER)
    throw undecodable('a counter beyond 2^53')
  return {
    value,
    version,
    createdAt: readMillis(bytes, at.createdAt),
    freshUntil: (bytes[at.flags]! & softExpired) === 0 ? readMillis(bytes, at.freshUntil) : 0,
    usableUntil: readMillis(bytes, at.usableUntil),
    tags,
    tagClock,
    loadMs: readMillis(bytes, at.loadMs),
    sizeBytes: valueBytes,
  }
}

function verify(bytes: Buffer): void {
  if (bytes.length < at.key + checksumBytes || readUint16(bytes, at.magic) !== magic) {
    throw undecodable('this is no frame of tierwise, or only the start of one')
  }
  const written = bytes[at.format]!
  if (written > format) {
    throw new CodecError(`The frame has format ${written}; this version reads ${format}. Upgrade this process.`, {
      code: 'ERR_CACHE_FORMAT_NEWER',
      operation: 'decode',
    })
  }
  const end = bytes.length - checksumBytes
  const intact = written === format && crc32(bytes.subarray(at.version, end)) === readUint32(bytes, end)
  if (!intact) throw undecodable('the frame is damaged, its checksum differs')
}

/** Appends to `tags` and returns where they end; if that is past the end of the frame, its lengths do not add up. */
function readTags(bytes: Buffer, start: number, tags: string[]): number {
  const count = readUint16(bytes, at.tagCount)
  let next = start
  for (let i = 0; i < count; i++) {
    const end = next + 2 + readUint16(bytes, next)
    tags.push(bytes.toString('utf8', next + 2, end))
    next = end
  }
  return next
}
