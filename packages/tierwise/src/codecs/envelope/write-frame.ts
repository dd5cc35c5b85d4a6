import { crc32 } from 'node:zlib'
import type { EntryHead } from '../../contract/entry.ts'
import { unencodable } from '../refusal.ts'
import { isWellFormed } from '../well-formed.ts'
import { nonceBytes } from './encryption.ts'
import { writeMillis, writeUint16, writeUint32, writeUint64 } from './integers.ts'
import { at, checksumBytes, encrypted, format, magic } from './layout.ts'
import type { PayloadForm } from './payload.ts'

const longestText = 0xffff
const mostTags = 0xffff

/** A frame whose payload is still to be written. */
export interface BegunFrame {
  readonly bytes: Buffer
  /** Where the nonce goes when there is one, otherwise the payload. */
  readonly bodyAt: number
}

/** Allocates a frame and writes everything up to the nonce. @throws CodecError ERR_CACHE_ENCODE */
export function beginFrame(key: string, head: EntryHead, form: PayloadForm): BegunFrame {
  const keyBytes = textBytes('key', key)
  let bodyAt = at.key + keyBytes
  for (const tag of head.tags) bodyAt += 2 + textBytes('tag', tag)
  const nonce = form.encryptionKeyId === undefined ? 0 : nonceBytes
  const bytes = Buffer.allocUnsafe(bodyAt + nonce + form.storedBytes + checksumBytes)
  writeLife(bytes, head)
  writeForm(bytes, form)
  writeUint16(bytes, at.keyBytes, keyBytes)
  bytes.write(key, at.key, keyBytes, 'utf8')
  writeTags(bytes, at.key + keyBytes, head.tags)
  return { bytes, bodyAt }
}

/** Writes the checksum; nothing may change afterwards but the flags. */
export function finishFrame(bytes: Buffer): Buffer {
  const end = bytes.length - checksumBytes
  writeUint32(bytes, end, crc32(bytes.subarray(at.version, end)))
  return bytes
}

function writeLife(bytes: Buffer, head: EntryHead): void {
  writeUint16(bytes, at.magic, magic)
  bytes[at.format] = format
  bytes[at.flags] = 0
  writeUint64(bytes, at.version, counted('version', head.version))
  writeMillis(bytes, at.freshUntil, timed('freshUntil', head.freshUntil))
  writeMillis(bytes, at.usableUntil, timed('usableUntil', head.usableUntil))
  writeMillis(bytes, at.createdAt, timed('createdAt', head.createdAt))
  writeUint64(bytes, at.tagClock, counted('tagClock', head.tagClock))
  writeMillis(bytes, at.loadMs, timed('loadMs', head.loadMs))
}

function writeForm(bytes: Buffer, form: PayloadForm): void {
  bytes[at.codec] = form.codecId
  bytes[at.attributes] = form.compressionId | (form.encryptionKeyId === undefined ? 0 : encrypted)
  bytes[at.encryptionKey] = form.encryptionKeyId ?? 0
  bytes[at.reserved] = 0
  writeUint32(bytes, at.storedBytes, form.storedBytes)
  writeUint32(bytes, at.valueBytes, form.valueBytes)
}

function writeTags(bytes: Buffer, start: number, tags: readonly string[]): void {
  if (tags.length > mostTags) throw unencodable('tags', `there are ${tags.length}, at most ${mostTags} fit`)
  writeUint16(bytes, at.tagCount, tags.length)
  let next = start
  for (const tag of tags) {
    const length = bytes.write(tag, next + 2, 'utf8')
    writeUint16(bytes, next, length)
    next += 2 + length
  }
}

function textBytes(what: string, text: string): number {
  if (!isWellFormed(text)) throw unencodable(what, 'it has a lone surrogate, which UTF-8 cannot carry')
  const length = Buffer.byteLength(text)
  if (length > longestText) throw unencodable(what, `it has ${length} bytes, at most ${longestText} fit`)
  return length
}

function counted(field: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw unencodable(field, `${value} is no safe integer from 0 on`)
  return value
}

function timed(field: string, ms: number): number {
  if (Number.isNaN(ms)) throw unencodable(field, 'it is NaN')
  return ms
}
