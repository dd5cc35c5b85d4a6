/** Parts of one value that are looked at; what lies beyond is counted like what was seen. */
const mostParts = 256
/** Items of a long collection that stand for all. */
const sampledItems = 16

const word = 8
const stringHead = 16
const objectHead = 24
const arrayHead = 48
const boxedNumber = 16
const bufferHead = 200
const dateBytes = 112
const functionBytes = 64
const mapHead = 80
const mapItem = 28
const setItem = 20

/**
 * Estimates the bytes a value takes on the heap of a 64-bit V8, in bounded time: long collections are sampled, an object
 * that occurs several times in the value is counted once, cycles end. Memory outside the heap (buffers) counts too.
 */
export function weigh(value: unknown): number {
  if (typeof value === 'string') return weighString(value)
  if (typeof value !== 'object' || value === null) return weighPrimitive(value)
  return weighGraph(value)
}

/** A getter or a proxy may throw; such a value is weighed as an empty object. */
function weighGraph(value: object): number {
  try {
    return new Weighing().weigh(value)
  } catch {
    return objectHead
  }
}

/** A string as V8 keeps it: a byte a character, two when any is beyond Latin-1. */
function weighString(text: string): number {
  const bytes = isWide(text) ? text.length * 2 : text.length
  return stringHead + ((bytes + word - 1) & -word)
}

/** As `weighString`, judged by the last character alone: every write weighs its key. */
export function weighKey(key: string): number {
  const characterBytes = key.charCodeAt(key.length - 1) > 0xff ? 2 : 1
  return stringHead + ((key.length * characterBytes + word - 1) & -word)
}

const beyondLatin1 = /[^\u0000-\u00ff]/
const scannedCharacters = 2048
/** Up to here a loop is faster than entering a regular expression. */
const shortText = 40

/** A long text is judged by its start: what mixes alphabets usually shows it early. */
function isWide(text: string): boolean {
  if (text.length <= shortText) return isShortWide(text)
  return beyondLatin1.test(text.length <= scannedCharacters ? text : text.slice(0, scannedCharacters))
}

function isShortWide(text: string): boolean {
  let bits = 0
  for (let at = 0; at < text.length; at++) bits |= text.charCodeAt(at)
  return bits > 0xff
}

function weighPrimitive(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return isSmall(value) ? 0 : boxedNumber
    case 'bigint':
      return weighBigInt(value)
    case 'function':
      return functionBytes
    default:
      return 0
  }
}

/** Small integers live in the slot itself. */
function isSmall(value: number): boolean {
  return (value | 0) === value
}

function weighBigInt(value: bigint): number {
  return 24 + Math.ceil(value.toString(16).length / 16) * word
}

class Weighing {
  readonly #seen = new Set<object>()
  #parts = 0

  weigh(value: unknown): number {
    if (typeof value === 'string') return weighString(value)
    if (typeof value !== 'object' || value === null) return weighPrimitive(value)
    if (this.#seen.has(value)) return 0
    this.#seen.add(value)
    this.#parts++
    return this.#weighObject(value)
  }

  #weighObject(value: object): number {
    if (Array.isArray(value)) return arrayHead + this.#weighArray(value)
    if (ArrayBuffer.isView(value)) return bufferHead + value.byteLength
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return bufferHead + value.byteLength
    if (value instanceof Date) return dateBytes
    if (value instanceof Map) return mapHead + tableSize(value.size) * mapItem + this.#weighPairs(value)
    if (value instanceof Set) return mapHead + tableSize(value.size) * setItem + this.#weighItems(value, value.size)
    return this.#weighProperties(value as Readonly<Record<string, unknown>>)
  }

  #weighArray(items: readonly unknown[]): number {
    const { length } = items
    const step = Math.max(1, Math.floor(length / sampledItems))
    let bytes = 0
    let sampled = 0
    let numbers = 0
    for (let at = 0; at < length && this.#parts < mostParts; at += step) {
      const item = items[at]
      if (typeof item === 'number') numbers++
      bytes += this.weigh(item)
      sampled++
    }
    // An array of numbers only keeps its fractions unboxed.
    if (numbers === sampled) return length * word
    return length * word + scale(bytes, sampled, length)
  }

  #weighPairs(pairs: ReadonlyMap<unknown, unknown>): number {
    let bytes = 0
    let sampled = 0
    for (const [key, item] of pairs) {
      if (sampled >= sampledItems || this.#parts >= mostParts) break
      bytes += this.weigh(key) + this.weigh(item)
      sampled++
    }
    return scale(bytes, sampled, pairs.size)
  }

  #weighItems(items: Iterable<unknown>, size: number): number {
    let bytes = 0
    let sampled = 0
    for (const item of items) {
      if (sampled >= sampledItems || this.#parts >= mostParts) break
      bytes += this.weigh(item)
      sampled++
    }
    return scale(bytes, sampled, size)
  }

  /** Own enumerable properties. From 129 on V8 keeps them in a hash table; so many names are data and owned by the value. */
  #weighProperties(value: Readonly<Record<string, unknown>>): number {
    const names = Object.keys(value)
    const isTable = names.length > 128
    const step = isTable ? Math.floor(names.length / sampledItems) : 1
    let bytes = 0
    let sampled = 0
    for (let at = 0; at < names.length && this.#parts < mostParts; at += step) {
      const name = names[at] as string
      bytes += this.weigh(value[name]) + (isTable ? weighString(name) : 0)
      sampled++
    }
    const perName = isTable ? (tableSize(names.length * 1.5) * 3 * word) / names.length : word
    return objectHead + names.length * perName + scale(bytes, sampled, names.length)
  }
}

function scale(bytes: number, sampled: number, size: number): number {
  return sampled === 0 ? 0 : Math.round((bytes / sampled) * size)
}

/** Hash tables hold powers of two. */
function tableSize(size: number): number {
  return Math.max(4, 2 ** Math.ceil(Math.log2(Math.max(1, size))))
}
