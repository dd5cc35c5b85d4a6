/** What a message is made of. */
export type Packed = string | number | readonly Packed[]

/** Deeper than any message is. */
const deepest = 8

/**
 * Reads the MessagePack that the scripts write: lists, texts and numbers, and nothing else. Whoever may publish to the
 * channel may send anything, so every length is held against what is there. The general decoder is not used because it
 * makes more than that of what it is given, and because a process that only listens would load it.
 *
 * @throws RangeError for anything else
 */
export function readPacked(bytes: Buffer): Packed {
  const reader = new Reader(bytes)
  const value = reader.value(0)
  if (reader.position !== bytes.length) throw new RangeError('There is more than one value')
  return value
}

class Reader {
  position = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  value(depth: number): Packed {
    const kind = this.#bytes.readUInt8(this.position++)
    if (kind < 0x80) return kind
    if (kind >= 0xe0) return kind - 0x100
    if (kind >= 0xa0 && kind < 0xc0) return this.#text(kind & 0x1f)
    if (kind >= 0x90 && kind < 0xa0) return this.#list(kind & 0x0f, depth)
    return this.#long(kind, depth)
  }

  #long(kind: number, depth: number): Packed {
    switch (kind) {
      case 0xd9:
      case 0xc4:
        return this.#text(this.#unsigned(1))
      case 0xda:
      case 0xc5:
        return this.#text(this.#unsigned(2))
      case 0xdb:
      case 0xc6:
        return this.#text(this.#unsigned(4))
      case 0xdc:
        return this.#list(this.#unsigned(2), depth)
      case 0xdd:
        return this.#list(this.#unsigned(4), depth)
      default:
        return this.#number(kind)
    }
  }

  #number(kind: number): number {
    switch (kind) {
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(2 ** (kind - 0xcc))
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#signed(2 ** (kind - 0xd0))
      case 0xcf:
        return Number(this.#bytes.readBigUInt64BE(this.#skip(8)))
      case 0xd3:
        return Number(this.#bytes.readBigInt64BE(this.#skip(8)))
      case 0xca:
        return this.#bytes.readFloatBE(this.#skip(4))
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#skip(8))
      default:
        throw new RangeError(`A value of kind ${kind} is not of a message`)
    }
  }

  #unsigned(size: number): number {
    return this.#bytes.readUIntBE(this.#skip(size), size)
  }

  #signed(size: number): number {
    return this.#bytes.readIntBE(this.#skip(size), size)
  }

  #text(length: number): string {
    const start = this.#skip(length)
    if (this.position > this.#bytes.length) throw new RangeError('A text is cut short')
    return this.#bytes.toString('utf8', start, this.position)
  }

  #list(length: number, depth: number): readonly Packed[] {
    // Every item takes a byte at least.
    if (depth >= deepest || length > this.#bytes.length - this.position) throw new RangeError('A list is too large')
    const items: Packed[] = []
    for (let i = 0; i < length; i++) items.push(this.value(depth + 1))
    return items
  }

  #skip(length: number): number {
    const start = this.position
    this.position += length
    return start
  }
}
