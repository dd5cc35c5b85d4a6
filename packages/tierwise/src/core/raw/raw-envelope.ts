import type { Envelope } from '../../contract/codec.ts'
import type { EntryHead } from '../../contract/entry.ts'
import type { RawValues } from '../../contract/options.ts'
import { rawCodecs } from './raw-values.ts'

/** What is known of a plain value besides its bytes. */
interface Carried {
  readonly bytes: Uint8Array
  readonly expiresAt: number
  /** The instant before it was asked for, by the clock of this process and on the scale of the versions. */
  readonly askedAt: number
  readonly version: number
}

const headBytes = 24

/** Puts what is known in front of the bytes, for `rawEnvelope` to find. Only within this process. */
export function carry({ bytes, expiresAt, askedAt, version }: Carried): Uint8Array {
  const carried = new Uint8Array(headBytes + bytes.byteLength)
  const view = new DataView(carried.buffer)
  view.setFloat64(0, expiresAt)
  view.setFloat64(8, version)
  view.setFloat64(16, askedAt)
  carried.set(bytes, headBytes)
  return carried
}

/**
 * An envelope that frames nothing: what is written is the plain value, and what is read has been carried here with its
 * end. A plain value was born when it was asked for, is fresh until its end, has no tags, and outlives every clear by
 * the clock.
 */
export function rawEnvelope(values: RawValues): Envelope {
  const { encode, decode } = rawCodecs[values]
  return {
    encodeValue: encode,
    frame: (_key, _head, payload) => payload,
    decode: (carried) => ({ ...headOf(carried), value: decode(carried.subarray(headBytes)) }),
    head: (carried) => ({ ...headOf(carried), key: new TextDecoder().decode(carried.subarray(headBytes)) }),
  }
}

function headOf(carried: Uint8Array): EntryHead {
  const view = new DataView(carried.buffer, carried.byteOffset, headBytes)
  const expiresAt = view.getFloat64(0)
  return {
    version: view.getFloat64(8),
    createdAt: view.getFloat64(16),
    freshUntil: expiresAt,
    usableUntil: expiresAt,
    tags: [],
    tagClock: Infinity,
    loadMs: 0,
    sizeBytes: carried.byteLength - headBytes,
  }
}
