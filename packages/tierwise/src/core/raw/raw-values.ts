import type { RawValues } from '../../contract/options.ts'
import { CodecError } from '../../errors.ts'

/** How plain values become bytes and back; `decode` may not keep the bytes. */
export interface RawCodec {
  readonly encode: (value: unknown) => Uint8Array
  readonly decode: (bytes: Uint8Array) => unknown
}

const deepest = 256
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The kinds of plain values. All refuse what would come back as something else. */
export const rawCodecs: Readonly<Record<RawValues, RawCodec>> = {
  json: {
    encode: (value) => {
      checkJson(value, '', 0)
      return encoder.encode(JSON.stringify(value))
    },
    decode: (bytes) => reading('JSON', () => JSON.parse(decoder.decode(bytes)) as unknown),
  },
  text: {
    encode: (value) => {
      if (typeof value !== 'string' || !value.isWellFormed())
        throw unfit('a text that is well-formed Unicode', 'text', '')
      return encoder.encode(value)
    },
    decode: (bytes) => reading('a text in UTF-8', () => decoder.decode(bytes)),
  },
  bytes: {
    encode: (value) => {
      if (!(value instanceof Uint8Array)) throw unfit('a Uint8Array', 'bytes', '')
      return value
    },
    decode: (bytes) => new Uint8Array(bytes),
  },
}

function reading(what: string, read: () => unknown): unknown {
  try {
    return read()
  } catch {
    // The message of the parser shows a part of the value.
    throw new CodecError(`The plain value is not ${what}.`, { code: 'ERR_CACHE_DECODE', operation: 'decode' })
  }
}

/** Properties that are `undefined` are left out, as JSON does; everything else comes back as it went in, or is refused. */
function checkJson(value: unknown, path: string, depth: number): void {
  if (isJsonScalar(value)) return
  if (typeof value !== 'object' || value === null) throw unfit('what JSON can hold', 'json', path)
  if (depth >= deepest) throw unfit(`at most ${deepest} levels deep`, 'json', path)
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkJson(item, `${path}[${index}]`, depth + 1)
    return
  }
  if (!isPlain(value)) throw unfit('plain objects and lists', 'json', path)
  for (const [name, item] of Object.entries(value))
    if (item !== undefined) checkJson(item, `${path}.${name}`, depth + 1)
}

function isJsonScalar(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  return typeof value === 'string' || typeof value === 'boolean' || value === null
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function unfit(allowed: string, values: RawValues, path: string): CodecError {
  const at = path === '' ? 'The value' : `\`value${path}\``
  return new CodecError(`${at} cannot be kept in a raw namespace of \`values: '${values}'\`; it must be ${allowed}.`, {
    code: 'ERR_CACHE_ENCODE',
    operation: 'encode',
  })
}
