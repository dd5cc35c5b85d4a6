import { CodecError } from '../errors.ts'

/** Bytes that cannot be decoded. The reason never quotes them: they may hold what the application keeps secret. */
export function undecodable(reason: string, cause?: unknown): CodecError {
  return new CodecError(`Cannot decode: ${reason}`, { code: 'ERR_CACHE_DECODE', operation: 'decode', cause })
}

/** A value, key or head that has no faithful form in bytes. */
export function unencodable(part: string, reason: string, cause?: unknown): CodecError {
  return new CodecError(`Cannot encode ${part}: ${reason}`, { code: 'ERR_CACHE_ENCODE', operation: 'encode', cause })
}
