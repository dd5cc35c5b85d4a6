import { crc32 } from 'node:zlib'
import type { KeyedHead } from '../../contract/entry.ts'
import { CodecError } from '../../errors.ts'
import { undecodable } from '../refusal.ts'
import { nonceBytes } from './encryption.ts'
import { readMillis, readUint16, readUint32, readUint64 } from './integers.ts'
import { at, checksumBytes, compressionMask, encrypted, format, knownAttributes, magic, softExpired } from './layout.ts'
import type { PayloadForm } from './payload.ts'

/** Everything a frame says but its value. */
export interface ParsedFrame {
  readonly bytes: Buffer
  readonly head: KeyedHead
  readonly form: PayloadForm
  /** Where the nonce starts when there is one, otherwise the payload. */
  readonly bodyAt: number
}

/**
 * Reads everything but the value, checksum first.
 *
 * @throws CodecError ERR_CACHE_FORMAT_NEWER, ERR_CACHE_DECODE
 */
export function parseFrame(input: Uint8Array): ParsedFrame {
  const bytes = Buffer.isBuffer(input) ? input : Buffer.from(input.buffer, input.byteOffset, input.byteLength)
  verify(bytes)
  const keyEnd = at.key + readUint16(bytes, at.keyBytes)
  const tags: string[] = []
  const bodyAt = readTags(bytes, keyEnd, tags)
  const form = readForm(bytes)
  const nonce = form.encryptionKeyId === undefined ? 0 : nonceBytes
  const length = bodyAt + nonce + form.storedBytes + checksumBytes
  if (length !== bytes.length) throw undecodable('the lengths in the frame contradict each other')
  const key = bytes.toString('utf8', at.key, keyEnd)
  return { bytes, head: readHead(bytes, key, tags), form, bodyAt }
}

function verify(bytes: Buffer): void {
  if (bytes.length < at.key + checksumBytes || readUint16(bytes, at.magic) !== magic) {
    throw undecodable('this is no frame of tierwise, or only the start of one')
  }
  const written = bytes[at.format] ?? 0
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

function readHead(bytes: Buffer, key: string, tags: readonly string[]): KeyedHead {
  const version = readUint64(bytes, at.version)
  const tagClock = readUint64(bytes, at.tagClock)
  if (version > Number.MAX_SAFE_INTEGER || tagClock > Number.MAX_SAFE_INTEGER)
    throw undecodable('a counter beyond 2^53')
  const flags = bytes[at.flags] ?? 0
  return {
    key,
    version,
    createdAt: readMillis(bytes, at.createdAt),
    freshUntil: (flags & softExpired) === 0 ? readMillis(bytes, at.freshUntil) : 0,
    usableUntil: readMillis(bytes, at.usableUntil),
    tags,
    tagClock,
    loadMs: readMillis(bytes, at.loadMs),
    sizeBytes: readUint32(bytes, at.valueBytes),
  }
}

function readForm(bytes: Buffer): PayloadForm {
  const attributes = bytes[at.attributes] ?? 0
  if ((attributes & ~knownAttributes) !== 0)
    throw undecodable('the frame has an attribute that this version does not know')
  return {
    codecId: bytes[at.codec] ?? 0,
    compressionId: attributes & compressionMask,
    encryptionKeyId: (attributes & encrypted) === 0 ? undefined : bytes[at.encryptionKey],
    valueBytes: readUint32(bytes, at.valueBytes),
    storedBytes: readUint32(bytes, at.storedBytes),
  }
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
