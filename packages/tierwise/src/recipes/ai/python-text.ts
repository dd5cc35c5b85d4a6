import { KeyError } from '../../index.ts'

/** Characters as Python counts them: a pair of surrogates is one. */
export function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

const whiteSpace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/

/** `len(text.split())`: Python and JavaScript disagree about what white space is. */
export function countWords(text: string): number {
  return text.split(whiteSpace).filter((word) => word !== '').length
}

/** The order of Python's `sorted`: by code points, where JavaScript compares halves of surrogate pairs. */
export function byCodePoints(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

/** `str(value)`. A whole number is written as an `int`; give a `float` without a fraction as a text, `'1.0'`. */
export function pythonText(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value)
}

function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return pythonNumber(value)
  if (typeof value === 'string') return pythonQuoted(value)
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value)))
    return `{${Object.entries(value)
      .map(([name, field]) => `${pythonQuoted(name)}: ${pythonRepr(field)}`)
      .join(', ')}}`
  throw new KeyError('An option has no form that Python would write.', { code: 'ERR_CACHE_KEY', operation: 'key' })
}

function pythonNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0.0' : String(value)
  const size = Math.abs(value)
  if (size >= 1e-4 && size < 1e16) return String(value)
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  return `${digits}e${exponent.startsWith('-') ? '-' : '+'}${exponent.replace(/^[+-]/, '').padStart(2, '0')}`
}

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

function pythonQuoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const body = text.replaceAll(/[\\\n\r\t'"]|[^\x20-\x7e]/gu, (character) => {
    if (character === quote) return `\\${quote}`
    return shortEscapes[character] ?? (isPrintable(character) ? character : pythonEscape(character))
  })
  return `${quote}${body}${quote}`
}

/** As `str.isprintable`: all but what is other or a separator; the space is printable. */
function isPrintable(character: string): boolean {
  return character === ' ' || !/[\p{C}\p{Z}]/u.test(character)
}

function pythonEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, '0')}`
  return `\\U${code.toString(16).padStart(8, '0')}`
}
