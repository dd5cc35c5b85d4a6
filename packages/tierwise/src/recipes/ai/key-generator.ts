import { createHash } from 'node:crypto'

import { systemRuntime } from '../../base/runtime.ts'
import { ConfigError, KeyError } from '../../index.ts'
import type { Clock } from '../../index.ts'
import { digestWith, updateText, updateValue } from './canonical-hash.ts'
import type { NewDigest } from './canonical-hash.ts'

/** A text that comes in pieces, as text or as UTF-8. */
export type StreamedText = AsyncIterable<string | Uint8Array>

/** All that an answer depends on. What is left out and what is `undefined` is the same. */
export interface KeyParts {
  /** What is done: `summarize`, `qa`. */
  readonly operation: string
  /** The text it is done with. */
  readonly text?: string | undefined
  /** A conversation, in place of or besides a text: plain data, files as bytes. */
  readonly messages?: unknown
  /** What is asked about the text. */
  readonly question?: string | undefined
  /** Options of the operation. The order of properties plays no part, at any depth. */
  readonly options?: unknown
  /** Name of the model. @default that of the generator; one of the two is needed */
  readonly model?: string | undefined
  /** Version of the model, if its name does not tell. */
  readonly modelVersion?: string | undefined
  /** The template that the prompt is made from, or its version. */
  readonly promptTemplate?: string | undefined
  /** Settings of the model: temperature, seed, tools. */
  readonly parameters?: unknown
  /** Whose it is; tenants never share an answer. */
  readonly tenant?: string | undefined
}

/** As `KeyParts`, with a text that may come in pieces. */
export interface StreamedKeyParts extends Omit<KeyParts, 'text'> {
  readonly text?: string | StreamedText | undefined
}

/** A part that may be read in the key. */
export type LegiblePart = 'operation' | 'model' | 'tenant'

/** How long it took to make a key. */
export interface KeyMade {
  readonly operation: string
  /** Length of the text in characters. */
  readonly textLength: number
  readonly ms: number
}

/** What `createKeyGenerator` takes. */
export interface KeyGeneratorOptions {
  /**
   * Makes the digest an HMAC: without it nobody can test a guess of what was asked. At least 16 bytes; processes that share a cache
   * need the same one, and a new one means new keys.
   * @default none: a plain SHA-256, which shows whether a text that can be guessed was asked
   */
  readonly secret?: string | Uint8Array
  /** Parts that may be read in front of the digest. @default ['operation', 'model', 'tenant'] */
  readonly legible?: readonly LegiblePart[]
  /** The model of requests that name none. @default none */
  readonly model?: string
  /** Texts longer than so many characters are hashed in slices, not as a whole; the key is the same. @default 1000 */
  readonly textHashThreshold?: number
  /** Told of each key that was made. @default none */
  readonly onKey?: (made: KeyMade) => void
  /** For `onKey`; in tests. @default that of Node */
  readonly clock?: Clock
}

/** Makes keys for what was asked of a model: different keys for what differs, the same for what does not. */
export interface KeyGenerator {
  /**
   * `summarize/gpt-5/acme/` and 64 hexadecimal digits.
   *
   * @throws KeyError ERR_CACHE_KEY without an operation or a model, or for parts that have no content to compare: functions,
   *   symbols, instances of classes, cycles
   */
  key(parts: KeyParts): string
  /** As `key`; the text may come in pieces, which are read once and not kept. */
  keyOf(parts: StreamedKeyParts): Promise<string>
  /** The pattern that fits the keys of these legible parts, for `invalidatePattern` and `keys`. */
  pattern(parts: { readonly [part in LegiblePart]?: string }): string
}

/**
 * A generator of keys.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a secret of less than 16 bytes or a wrong threshold
 * @example
 * const keys = createKeyGenerator({ secret: 'a secret of 16 bytes or more' })
 * const key = keys.key({ operation: 'summarize', model: 'gpt-5', text: 'Steel is an alloy.' })
 * console.log(key.slice(0, 16), key.length) // => summarize/gpt-5/ 80
 */
export function createKeyGenerator(options: KeyGeneratorOptions = {}): KeyGenerator {
  const { secret, textHashThreshold = 1000 } = options
  if (secret !== undefined && Buffer.byteLength(secret) < 16)
    throw new ConfigError('`secret` is too short: it must have at least 16 bytes.', { code: 'ERR_CACHE_OPTION' })
  if (!(textHashThreshold >= 0))
    throw new ConfigError('`textHashThreshold` must be a number of characters.', { code: 'ERR_CACHE_OPTION' })
  return new Generator(options, digestWith(secret))
}

const inOrder: readonly LegiblePart[] = ['operation', 'model', 'tenant']

class Generator implements KeyGenerator {
  readonly #options: KeyGeneratorOptions
  readonly #newDigest: NewDigest
  readonly #legible: readonly LegiblePart[]
  readonly #clock: Clock

  constructor(options: KeyGeneratorOptions, newDigest: NewDigest) {
    this.#options = options
    this.#newDigest = newDigest
    this.#legible = inOrder.filter((part) => (options.legible ?? inOrder).includes(part))
    this.#clock = options.clock ?? systemRuntime().clock
  }

  key(parts: KeyParts): string {
    const from = this.#clock.now()
    const { text } = parts
    if (text === undefined) return this.#finish(parts, { digest: undefined, textLength: 0, from })
    if (typeof text !== 'string') throw new KeyError('`text` must be a text; `keyOf` takes one in pieces.', wrongKey)
    const digest = this.#newDigest()
    updateText(digest, text, this.#options.textHashThreshold ?? 1000)
    return this.#finish(parts, { digest: digest.digest(), textLength: text.length, from })
  }

  async keyOf(parts: StreamedKeyParts): Promise<string> {
    const { text, ...others } = parts
    if (text === undefined || typeof text === 'string') return this.key({ ...others, text })
    const from = this.#clock.now()
    const digest = this.#newDigest()
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    let textLength = 0
    const add = (piece: string): void => {
      textLength += piece.length
      updateText(digest, piece)
    }
    for await (const piece of text) add(typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }))
    add(decoder.decode())
    return this.#finish(others, { digest: digest.digest(), textLength, from })
  }

  pattern(parts: { readonly [part in LegiblePart]?: string }): string {
    return [...this.#legible.map((part) => (parts[part] === undefined ? '*' : escapePart(parts[part]))), '*'].join('/')
  }

  #finish(
    parts: Omit<KeyParts, 'text'>,
    text: { readonly digest: Buffer | undefined; readonly textLength: number; readonly from: number },
  ): string {
    const { operation, model = this.#options.model } = parts
    if (typeof operation !== 'string' || operation === '')
      throw new KeyError('A request needs an `operation`.', wrongKey)
    if (typeof model !== 'string' || model === '')
      throw new KeyError('A request needs a `model`: answers of different models are different.', wrongKey)
    const { modelVersion, tenant, messages, question, options, promptTemplate, parameters } = parts
    const digest = this.#newDigest()
    const content = [
      operation,
      model,
      modelVersion,
      tenant,
      text.digest,
      messages,
      question,
      options,
      promptTemplate,
      parameters,
    ]
    updateValue(digest, content, this.#newDigest)
    const shown = { operation, model, tenant }
    const key = [...this.#legible.map((part) => escapePart(shown[part] ?? '')), digest.digest('hex')].join('/')
    this.#options.onKey?.({ operation, textLength: text.textLength, ms: this.#clock.now() - text.from })
    return key
  }
}

const wrongKey = { code: 'ERR_CACHE_KEY', operation: 'key' } as const

const longestPart = 200

/** Percent encoding, with nothing left in it that a pattern or the key gives a meaning. A long one is shortened, with a digest. */
function escapePart(part: string): string {
  const escaped = part.replaceAll(/[^\w.-]+/g, (run) =>
    [...Buffer.from(run)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
  if (escaped.length <= longestPart) return escaped
  return `${escaped.slice(0, 64)}~${createHash('sha256').update(part).digest('hex').slice(0, 32)}`
}
