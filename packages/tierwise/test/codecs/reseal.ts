import { crc32 } from 'node:zlib'

/** Gives a changed frame a right checksum, so that the change reaches the parser. */
export function reseal(frame: Buffer): Buffer {
  if (frame.length >= 8) frame.writeUInt32BE(crc32(frame.subarray(4, -4)), frame.length - 4)
  return frame
}
