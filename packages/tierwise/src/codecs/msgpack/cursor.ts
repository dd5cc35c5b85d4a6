import { undecodable } from '../refusal.ts'

/** Texts up to this length are cut out of a longer one. */
const shortText = 64

/** How many bytes are turned into text at once; a text that lives on may keep them all. */
const windowBytes = 512

/**
 * A place in bytes that only moves forward and never past their end.
 *
 * Turning bytes into a string is a call into the runtime that costs more than a short text itself, so the bytes ahead
 * become one string, and short texts are cut out of it.
 */
export class Cursor {
  readonly bytes: Buffer
  at = 0
  #window = ''
  #windowAt = 0
  #windowEnd = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** How many bytes are left. */
  get left(): number {
    return this.bytes.length - this.at
  }

  /** Moves on by so many bytes and returns where they start. @throws CodecError ERR_CACHE_DECODE when there are fewer */
  pass(length: number): number {
    const from = this.at
    this.at = from + length
    if (this.at > this.bytes.length) throw undecodable('the value ends too early')
    return from
  }

  byte(): number {
    return this.bytes[this.pass(1)]!
  }

  /** Big endian, of 1, 2 or 4 bytes. */
  uint(width: number): number {
    const from = this.pass(width)
    let value = 0
    for (let at = from; at < this.at; at++) value = value * 256 + this.bytes[at]!
    return value
  }

  /** UTF-8 of so many bytes. */
  text(length: number): string {
    const from = this.pass(length)
    if (length > shortText || !this.#isAscii(from)) return this.bytes.toString('utf8', from, this.at)
    if (this.at > this.#windowEnd) this.#openWindow(from)
    return this.#window.slice(from - this.#windowAt, this.at - this.#windowAt)
  }

  #isAscii(from: number): boolean {
    for (let at = from; at < this.at; at++) if (this.bytes[at]! >= 0x80) return false
    return true
  }

  #openWindow(from: number): void {
    this.#windowAt = from
    this.#windowEnd = Math.min(from + windowBytes, this.bytes.length)
    this.#window = this.bytes.toString('latin1', from, this.#windowEnd)
  }
}
