/*
 * The fixed part of a frame. A server-side script reads and patches some of these offsets, so they never move within a
 * format. docs/reference/wire-format.md says the same for readers in other languages.
 */

/** "TW", big endian. */
export const magic = 0x5457
export const format = 1

export const at = {
  magic: 0,
  format: 2,
  flags: 3,
  version: 4,
  freshUntil: 12,
  usableUntil: 20,
  createdAt: 28,
  tagClock: 36,
  loadMs: 44,
  codec: 52,
  attributes: 53,
  encryptionKey: 54,
  reserved: 55,
  keyBytes: 56,
  tagCount: 58,
  storedBytes: 60,
  valueBytes: 64,
  key: 68,
} as const

/** The checksum ends the frame and covers everything from `version` on, so `flags` can be patched in place. */
export const checksumBytes = 4

/** In `flags`: an invalidation made the entry stale where it lies. */
export const softExpired = 0b1

/** In `attributes`: the low bits name the compression. */
export const compressionMask = 0b0000_0111
export const encrypted = 0b0000_1000
export const knownAttributes: number = compressionMask | encrypted
