/**
 * What the Redis tier keeps in front of each frame, so that scripts need not look into one.
 *
 * | offset | bytes | content                                                                   |
 * | ------ | ----- | ------------------------------------------------------------------------- |
 * | 0      | 2     | "TR"                                                                      |
 * | 2      | 1     | format, 1                                                                 |
 * | 3      | 1     | kind: 0 a record, 1 a tombstone, 2 a record whose version is of no change |
 * | 4      | 8     | version, a double                                                         |
 * | 12     | 8     | expiry in epoch milliseconds of the writer, a double; Infinity for never  |
 * | 20     |       | the frame; nothing in a tombstone                                         |
 *
 * Numbers are big-endian. The magic and the version stay where they are in every format to come, so that scripts of
 * different releases agree on what is ours and what is newer. The life of the string in Redis ends with the record's;
 * the expiry is repeated here for readers whose clock says so first.
 *
 * What the authority writes has its version here alone, the frame was made before; its expiry is Infinity, as the server
 * ends it by its own clock; and kind 2 says that the version is not that of a change: a load has brought it, or it was given another life. A change whose record is replaced by
 * a load is still known: its version moves to `ver`, see below.
 *
 * Beside the string lies, for a while, a hash `~<key>` in the same slot. Its fields: `lease` and `leaseUntil`, who loads the
 * key, and `gen`, that of the lane when the lease was granted; `wait`, somebody wants to be told; `ver`, the version of a
 * change that the string does not tell; `order:<instance>`, the latest change of an instance that did not learn what became
 * of an earlier one. Instants are microseconds of the server, numbers decimal texts. What must not be forgotten lies in the
 * head of the lane, see `authority/lane-memory.ts`.
 */
import { Buffer } from 'node:buffer'

const magic = 0x5452
const format = 1
const headBytes = 20

const recordKind = 0
const tombstoneKind = 1
const loadedKind = 2

export function recordBytes(version: number, expiresAt: number, frame: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + frame.length)
  bytes.set(frame, headBytes)
  return withHead(bytes, recordKind, { version, expiresAt })
}

export function tombstoneBytes(version: number): Buffer {
  return withHead(Buffer.allocUnsafe(headBytes), tombstoneKind, { version, expiresAt: Infinity })
}

export type StoredKind = 'record' | 'tombstone' | 'damaged' | 'newer-format'

/** What stored bytes are. Only of a `record` the rest may be read. */
export function kindOf(bytes: Buffer): StoredKind {
  if (bytes.length < headBytes || bytes.readUInt16BE(0) !== magic) return 'damaged'
  if (bytes[2] !== format) return (bytes[2] ?? 0) > format ? 'newer-format' : 'damaged'
  if (bytes[3] === recordKind || bytes[3] === loadedKind) return 'record'
  return bytes[3] === tombstoneKind ? 'tombstone' : 'damaged'
}

export function versionOf(bytes: Buffer): number {
  return bytes.readDoubleBE(4)
}

/** The version of a record that a load has brought says nothing about the changes before it. */
export function isLoaded(bytes: Buffer): boolean {
  return bytes[3] === loadedKind
}

/** A damaged expiry, which is not a number, has passed. */
export function isLive(bytes: Buffer, now: number): boolean {
  return bytes.readDoubleBE(12) > now
}

/** The frame where it lies. */
export function frameOf(bytes: Buffer): Buffer {
  return bytes.subarray(headBytes)
}

function withHead(
  bytes: Buffer,
  kind: number,
  { version, expiresAt }: Record<'version' | 'expiresAt', number>,
): Buffer {
  bytes.writeUInt16BE(magic, 0)
  bytes[2] = format
  bytes[3] = kind
  bytes.writeDoubleBE(version, 4)
  bytes.writeDoubleBE(expiresAt, 12)
  return bytes
}
