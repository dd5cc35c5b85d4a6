/** A key that a tier has not heard of a change of. */
export interface OwedKey {
  readonly key: string
  /** What all keys of its namespace start with. */
  readonly prefix: string
  /** `Infinity` where the store gives the versions. */
  readonly version: number
}

/** A namespace that a tier has not heard of a clear of. */
export interface OwedClear {
  readonly prefix: string
  readonly version: number
}

/** What a tier is owed. Never a value, but keys may be sensitive too. */
export interface OwedChanges {
  readonly keys: readonly OwedKey[]
  readonly clears: readonly OwedClear[]
}

/** Up to where a disk has heard of all changes. */
export interface Place {
  /** A text of the bus. */
  readonly position: string
  /** By lane: what is older than this version may have been changed unheard. */
  readonly floors: readonly number[]
}

const format = 1
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export function writeOwed({ keys, clears }: OwedChanges): Uint8Array {
  return encode({
    keys: keys.map(({ key, prefix, version }) => [key, prefix, finite(version)]),
    clears: clears.map(({ prefix, version }) => [prefix, finite(version)]),
  })
}

/** Undefined for what this release has not written. */
export function readOwed(bytes: Uint8Array): OwedChanges | undefined {
  const { keys, clears } = decode(bytes) ?? {}
  if (!isListOf(keys, isKeyRow) || !isListOf(clears, isClearRow)) return undefined
  return {
    keys: keys.map(([key, prefix, version]) => ({ key, prefix, version: version ?? Infinity })),
    clears: clears.map(([prefix, version]) => ({ prefix, version: version ?? Infinity })),
  }
}

export function writePlace({ position, floors }: Place): Uint8Array {
  return encode({ position, floors })
}

/** Undefined for what this release has not written, and for a bus with another number of lanes: keys lie elsewhere there. */
export function readPlace(bytes: Uint8Array, lanes: number): Place | undefined {
  const { position, floors } = decode(bytes) ?? {}
  if (typeof position !== 'string' || !isListOf(floors, isNumber) || floors.length !== lanes) return undefined
  return { position, floors }
}

type Row = readonly unknown[]

function encode(content: object): Uint8Array {
  return encoder.encode(JSON.stringify({ format, ...content }))
}

function decode(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed = JSON.parse(decoder.decode(bytes)) as Readonly<Record<string, unknown>> | null
    return parsed?.['format'] === format ? parsed : undefined
  } catch {
    return undefined
  }
}

/** JSON has no infinity. */
function finite(version: number): number | null {
  return version === Infinity ? null : version
}

function isListOf<T>(value: unknown, fits: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(fits)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isVersion(value: unknown): value is number | null {
  return value === null || isNumber(value)
}

function isKeyRow(row: unknown): row is readonly [string, string, number | null] {
  const [key, prefix, version] = Array.isArray(row) ? (row as Row) : []
  return typeof key === 'string' && typeof prefix === 'string' && isVersion(version)
}

function isClearRow(row: unknown): row is readonly [string, number | null] {
  const [prefix, version] = Array.isArray(row) ? (row as Row) : []
  return typeof prefix === 'string' && isVersion(version)
}
