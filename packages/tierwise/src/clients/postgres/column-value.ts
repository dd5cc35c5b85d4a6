import type { PostgresScalar, PostgresValue } from './port.ts'

/** Turns a column as PostgreSQL writes it into the value that a row of the port has. */
export type ColumnReader = (text: string) => unknown

const asText: ColumnReader = (text) => text
const asBytes: ColumnReader = (text) => Buffer.from(text.slice(2), 'hex')

const readers: ReadonlyMap<number, ColumnReader> = new Map<number, ColumnReader>([
  [16, (text) => text === 't'],
  [17, asBytes],
  [21, Number],
  [23, Number],
  [26, Number],
  [114, (text) => JSON.parse(text) as unknown],
  [700, Number],
  [701, Number],
  [1184, (text) => new Date(isoInstant(text))],
  [3802, (text) => JSON.parse(text) as unknown],
])

/**
 * Reads columns of a type, named by its object identifier: booleans, numbers that fit, bytes, JSON and `timestamptz`.
 * Everything else, `bigint` and `numeric` included, stays the text that PostgreSQL writes.
 *
 * Every package goes through here, so that what an application has set for its own rows (type parsers, transforms)
 * changes nothing for this library, and the other way round.
 */
export function columnReader(type: number): ColumnReader {
  return readers.get(type) ?? asText
}

/** `2026-01-02 03:04:05.123456+05:30` is no date of ECMAScript; `infinity` becomes an invalid date. */
function isoInstant(text: string): string {
  const [, day, time, offset = '', era] =
    /^(\d+-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,3})?)\d*([+-][\d:]+)( BC)?$/.exec(text) ?? []
  if (day === undefined || time === undefined || era !== undefined) return text
  return `${day.length > 10 ? `+${day.padStart(12, '0')}` : day}T${time}${offset.length === 3 ? `${offset}:00` : offset.slice(0, 6)}`
}

/** A parameter in a form that all packages send alike: text, bytes or null. */
export function parameterOf(value: PostgresValue): string | Uint8Array | null {
  if (Array.isArray(value)) return arrayLiteral(value as readonly PostgresScalar[])
  const scalar = value as PostgresScalar
  return scalar === null || scalar instanceof Uint8Array ? scalar : String(scalar)
}

function arrayLiteral(items: readonly PostgresScalar[]): string {
  return `{${items.map(elementOf).join(',')}}`
}

function elementOf(item: PostgresScalar): string {
  if (item === null) return 'NULL'
  if (item instanceof Uint8Array) {
    return `"\\\\x${Buffer.from(item.buffer, item.byteOffset, item.byteLength).toString('hex')}"`
  }
  if (typeof item !== 'string') return String(item)
  return `"${item.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
