import { addExtension, Packr } from 'msgpackr'
import type { ValueCodec } from '../../contract/codec.ts'
import { CodecError } from '../../errors.ts'
import { undecodable, unencodable } from '../refusal.ts'
import { byteKinds } from '../tagged/byte-kinds.ts'
import { Tagged } from '../tagged/kind.ts'
import { restore } from '../tagged/kinds.ts'
import { tagValue, type Dialect } from '../tagged/tag-value.ts'
import { isWellFormed } from '../well-formed.ts'
import { scan, taggedExtension } from './scan.ts'

/*
 * What msgpackr 2.1 carries faithfully is left to it. The rest is marked with an extension of our own, as
 * `[kind, payload]`, because msgpackr would
 *
 * - read a `Map` as an object (or every object as a `Map`),
 * - write -0 as 0 and replace lone surrogates,
 * - rename a property `__proto__`,
 * - look errors up by class name in a way that hostile bytes could use, and not read an `AggregateError` at all.
 *
 * Extensions are global to msgpackr. Ours has a class that only this library instantiates, so it changes nothing for
 * other users of msgpackr in the process, and it is added once, when this module is evaluated.
 */
addExtension({
  Class: Tagged,
  type: taggedExtension,
  write: ({ kind, payload }: Tagged) => [kind, payload],
  read: restoreTagged,
})

const dialect: Dialect = {
  native: new Set(['undefined', 'bigint', 'date', ...byteKinds.map(([, kind]) => kind.name)]),
  carriesNumber: (value) => !Object.is(value, -0),
  carriesString: isWellFormed,
  carriesObject: (keys) => keys.every((key) => key !== '__proto__' && isWellFormed(key)),
  wrap: (kind, payload) => new Tagged(kind, payload),
}

/** The MessagePack codec; `msgpackCodec` in `../msgpack.ts` loads this module only when somebody wants it. */
export function createMsgpackCodec(): ValueCodec {
  const packr = new Packr({
    // Records are compiled to functions anew for each decoded value, which costs more than it saves for single values.
    useRecords: false,
    mapsAsObjects: true,
    moreTypes: true,
    useToJSON: false,
    // Decoded bytes must outlive the input.
    copyBuffers: true,
    // Without it an object of more than 65 535 properties is refused.
    variableMapSize: true,
    structuredClone: false,
  })
  return {
    id: 1,
    name: 'msgpack',
    encode: (value) => encode(packr, value),
    decode: (bytes) => decode(packr, bytes),
  }
}

function encode(packr: Packr, value: unknown): Uint8Array {
  try {
    return packr.pack(tagValue(value, dialect))
  } catch (error) {
    throw error instanceof CodecError ? error : unencodable('value', 'reading it failed', error)
  }
}

function decode(packr: Packr, bytes: Uint8Array): unknown {
  // A view of its own: msgpackr keeps a property on what it reads, and gives back a `Buffer` only out of one.
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    scan(view)
    return packr.unpack(view)
  } catch (error) {
    throw error instanceof CodecError ? error : undecodable('the value is not MessagePack', error)
  }
}

function restoreTagged(pair: unknown): unknown {
  if (!Array.isArray(pair) || pair.length !== 2) throw undecodable('malformed mark')
  const [kind, payload] = pair as [unknown, unknown]
  return restore(kind, payload)
}
