import { readMillis } from '../../codecs/envelope/integers.ts'
import { at, magic, softExpired } from '../../codecs/envelope/layout.ts'

/** Whether a record is a frame that is fresh at `now`. What is no frame never is. */
export function isFreshFrame(bytes: Uint8Array, now: number): boolean {
  return isFrame(bytes) && !isSoftExpired(bytes) && readMillis(bytes, at.freshUntil) > now
}

export function isSoftExpired(bytes: Uint8Array): boolean {
  return isFrame(bytes) && ((bytes[at.flags] ?? 0) & softExpired) !== 0
}

/** A copy that readers take for stale. */
export function softlyExpired(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes)
  if (isFrame(copy)) copy[at.flags] = (copy[at.flags] ?? 0) | softExpired
  return copy
}

function isFrame(bytes: Uint8Array): boolean {
  return bytes.length > at.key && ((bytes[0] ?? 0) << 8) + (bytes[1] ?? 0) === magic
}
