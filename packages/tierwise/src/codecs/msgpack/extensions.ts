import { undecodable } from '../refusal.ts'

/** The mark of this library's own kinds; see `packr.ts`. */
export const taggedExtension = 0x54

const arrays = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const
const arrayBufferType = 16
const dataViewType = 17

/** What the codec writes through extensions of msgpackr, by type; a timestamp is -1. */
const readers: ReadonlyMap<number, (data: Buffer) => unknown> = new Map<number, (data: Buffer) => unknown>([
  [0x00, () => undefined],
  [0x42, readBigint],
  [0x74, readView],
  [0xff, readDate],
])

/** @throws CodecError ERR_CACHE_DECODE for a type that the codec does not write */
export function readExtension(type: number, data: Buffer): unknown {
  const read = readers.get(type)
  if (read === undefined) throw undecodable('part of an unknown type')
  return read(data)
}

/** Two's complement. Hexadecimal digits are read in linear time. */
function readBigint(data: Buffer): bigint {
  if (data.length === 0) throw undecodable('an empty bigint')
  return BigInt.asIntN(data.length * 8, BigInt(`0x${data.toString('hex')}`))
}

/** In memory of its own, as every byte type that comes out of a value. */
function readView(data: Buffer): unknown {
  const [type] = data
  const buffer = Uint8Array.from(data.subarray(1)).buffer
  if (type === arrayBufferType) return buffer
  if (type === dataViewType) return new DataView(buffer)
  const View = arrays[type ?? -1]
  if (View === undefined) throw undecodable('a typed array of an unknown type')
  if (buffer.byteLength % View.BYTES_PER_ELEMENT !== 0) throw undecodable(`${View.name} with a broken element`)
  return new View(buffer)
}

/** Seconds and nanoseconds, in 4, 8 or 12 bytes; anything else stands for an invalid date. */
function readDate(data: Buffer): Date {
  switch (data.length) {
    case 4:
      return new Date(data.readUInt32BE(0) * 1000)
    case 8: {
      const word = data.readUInt32BE(0)
      return new Date((word >>> 2) / 1e6 + ((word & 3) * 2 ** 32 + data.readUInt32BE(4)) * 1000)
    }
    case 12:
      return new Date(data.readUInt32BE(0) / 1e6 + Number(data.readBigInt64BE(4)) * 1000)
    default:
      return new Date(NaN)
  }
}
