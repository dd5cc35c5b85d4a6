import { createHash, createHmac } from 'node:crypto'

import { KeyError } from '../../index.ts'

/** What bytes and texts are fed to: SHA-256, or HMAC-SHA-256 with a secret. */
export interface Digest {
  update(text: string, encoding: 'utf16le' | 'latin1'): unknown
  update(bytes: Uint8Array): unknown
  digest(): Buffer
  digest(encoding: 'hex'): string
}

/** Starts a digest of one kind. */
export type NewDigest = () => Digest

/** HMAC-SHA-256 with the secret; SHA-256 without. */
export function digestWith(secret: string | Uint8Array | undefined): NewDigest {
  return secret === undefined ? () => createHash('sha256') : () => createHmac('sha256', secret)
}

/** Characters of a long text that are encoded at once. */
const sliceLength = 65_536
const mostLevels = 256

/** UTF-16, because every text has it: lone surrogates are different, and a text may be cut anywhere. */
export function updateText(digest: Digest, text: string, threshold: number = sliceLength): void {
  if (text.length <= threshold) {
    digest.update(text, 'utf16le')
    return
  }
  for (let at = 0; at < text.length; at += sliceLength) digest.update(text.slice(at, at + sliceLength), 'utf16le')
}

/**
 * Feeds a value in a form that no other value has: each has its type, and each text, list and record its length. The order of
 * properties plays no part, and one that is `undefined` counts as left out.
 *
 * @throws KeyError ERR_CACHE_KEY for what has no content to compare: functions, symbols, instances of classes, cycles
 */
export function updateValue(digest: Digest, value: unknown, newDigest: NewDigest): void {
  new Writer(digest, newDigest).write(value)
}

class Writer {
  readonly #digest: Digest
  readonly #newDigest: NewDigest
  readonly #parents: object[]

  constructor(digest: Digest, newDigest: NewDigest, parents: object[] = []) {
    this.#digest = digest
    this.#newDigest = newDigest
    this.#parents = parents
  }

  write(value: unknown): void {
    switch (typeof value) {
      case 'string':
        return this.#text('s', value)
      case 'number':
        return this.#mark(`n${Object.is(value, -0) ? '-0' : value};`)
      case 'bigint':
        return this.#mark(`i${value};`)
      case 'boolean':
      case 'undefined':
        return this.#mark(`${value};`)
      case 'object':
        return value === null ? this.#mark('null;') : this.#object(value)
      default:
        throw refusal(`a ${typeof value}`)
    }
  }

  #object(value: object): void {
    if (this.#parents.includes(value)) throw refusal('a value that contains itself')
    if (this.#parents.length === mostLevels) throw refusal(`more than ${mostLevels} levels`)
    this.#parents.push(value)
    if (Array.isArray(value)) this.#list('l', value)
    else if (value instanceof Date) this.#mark(`d${value.getTime()};`)
    else if (value instanceof URL) this.#text('u', value.href)
    else if (value instanceof RegExp) this.#list('r', [value.source, value.flags])
    else if (ArrayBuffer.isView(value))
      this.#bytes(value, new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
    else if (value instanceof ArrayBuffer) this.#bytes(value, new Uint8Array(value))
    else if (value instanceof Set) this.#unordered('S', [...value])
    else if (value instanceof Map) this.#unordered('M', [...value])
    else this.#record(value)
    this.#parents.pop()
  }

  #mark(text: string): void {
    this.#digest.update(text, 'latin1')
  }

  #text(kind: string, text: string): void {
    this.#mark(`${kind}${text.length}:`)
    updateText(this.#digest, text)
  }

  /** A Buffer is the same as a Uint8Array of its content. */
  #bytes(value: object, bytes: Uint8Array): void {
    this.#mark(`b${Object.prototype.toString.call(value).slice(8, -1)}:${bytes.byteLength}:`)
    this.#digest.update(bytes)
  }

  #list(kind: string, items: readonly unknown[]): void {
    this.#mark(`${kind}${items.length}:`)
    for (const item of Array.from(items)) this.write(item)
  }

  #unordered(kind: string, items: readonly unknown[]): void {
    const digests = items.map((item) => {
      const digest = this.#newDigest()
      new Writer(digest, this.#newDigest, [...this.#parents]).write(item)
      return digest.digest('hex')
    })
    this.#list(kind, digests.sort())
  }

  #record(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null)
      throw refusal(`an instance of ${value.constructor?.name ?? 'an unnamed class'}`)
    const fields = Object.entries(value).filter(([, field]) => field !== undefined)
    fields.sort(([a], [b]) => (a < b ? -1 : 1))
    this.#mark(`o${fields.length}:`)
    for (const [name, field] of fields) {
      this.#text('s', name)
      this.write(field)
    }
  }
}

function refusal(what: string): KeyError {
  return new KeyError(`The request contains ${what}, which cannot become part of a key. Give plain data.`, {
    code: 'ERR_CACHE_KEY',
    operation: 'key',
  })
}
