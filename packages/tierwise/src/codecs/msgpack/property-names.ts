import type { Cursor } from './cursor.ts'

/** A power of two. */
const places = 1024

/**
 * The property names that were read last, so that a name that occurs again is compared instead of made: values of one
 * kind share their names. Bytes cannot make it grow.
 */
export class PropertyNames {
  readonly #names: string[] = Array.from({ length: places }, () => '')

  /** The name that the next bytes spell. */
  read(cursor: Cursor, length: number): string {
    const place = placeOf(cursor, length)
    const known = this.#names[place]!
    if (known.length === length && spells(cursor, known)) {
      cursor.pass(length)
      return known
    }
    const name = cursor.text(length)
    this.#names[place] = name
    return name
  }
}

/** Past the end of the bytes nothing is spelled. */
function placeOf({ bytes, at }: Cursor, length: number): number {
  const first = bytes[at] ?? 0
  const middle = bytes[at + (length >> 1)] ?? 0
  const last = bytes[at + length - 1] ?? 0
  return (length * 37 + first * 7 + middle * 13 + last) & (places - 1)
}

/** True for ASCII only, where each character is a byte. */
function spells({ bytes, at }: Cursor, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code !== bytes[at + i] || code >= 0x80) return false
  }
  return true
}
