import { undecodable } from '../refusal.ts'
import type { Kind } from './kind.ts'

/** Decimal digits cost quadratic time to read, so a frame may not hold many of them; hexadecimal ones are linear. */
const maxDecimalDigits = 1000
const bigintText = /^(?:-?\d{1,1000}|-?0x[\da-f]+)$/

const numbers: ReadonlyMap<unknown, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
])

export const undefinedKind: Kind = {
  name: 'undefined',
  payload: () => true,
  restore: () => undefined,
}

/** Numbers that a format writes as something else: NaN, the infinities, negative zero. */
export const numberKind: Kind = {
  name: 'number',
  payload: (value) => (Object.is(value, -0) ? '-0' : String(value)),
  restore(payload) {
    const value = numbers.get(payload)
    if (value === undefined) throw undecodable('unknown special number')
    return value
  },
}

export const bigintKind: Kind = {
  name: 'bigint',
  payload(value) {
    const hex = (value as bigint).toString(16)
    if (hex.length < 0.8 * maxDecimalDigits) return String(value)
    return hex.startsWith('-') ? `-0x${hex.slice(1)}` : `0x${hex}`
  },
  restore(payload) {
    if (typeof payload !== 'string' || !bigintText.test(payload)) throw undecodable('malformed bigint')
    return payload.startsWith('-') ? -BigInt(payload.slice(1)) : BigInt(payload)
  },
}

/** A string that UTF-8 cannot carry because of a lone surrogate; the payload is its UTF-16LE code units. */
export const stringKind: Kind = {
  name: 'string',
  payload: (value) => Buffer.from(value as string, 'utf16le'),
  restore(payload) {
    if (!(payload instanceof Uint8Array) || payload.length % 2 !== 0) throw undecodable('malformed UTF-16 string')
    return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf16le')
  },
}

export const dateKind: Kind = {
  name: 'date',
  payload: (value) => (Number.isNaN((value as Date).getTime()) ? null : (value as Date).toISOString()),
  restore(payload) {
    if (payload === null) return new Date(NaN)
    const date = typeof payload === 'string' ? new Date(payload) : undefined
    if (date === undefined || Number.isNaN(date.getTime())) throw undecodable('malformed date')
    return date
  },
}

export const regexpKind: Kind = {
  name: 'regexp',
  payload: (value) => [(value as RegExp).source, (value as RegExp).flags],
  restore(payload) {
    const [source, flags] = Array.isArray(payload) ? (payload as unknown[]) : []
    if (typeof source !== 'string' || typeof flags !== 'string') throw undecodable('malformed regular expression')
    try {
      return new RegExp(source, flags)
    } catch {
      throw undecodable('malformed regular expression')
    }
  },
}

export const urlKind: Kind = {
  name: 'url',
  payload: (value) => (value as URL).href,
  restore(payload) {
    if (typeof payload !== 'string' || !URL.canParse(payload)) throw undecodable('malformed URL')
    return new URL(payload)
  },
}
