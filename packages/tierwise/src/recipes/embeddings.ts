import { systemRuntime } from '../base/runtime.ts'
import { ConfigError, LoaderError } from '../index.ts'
import type { Cache, Lifetime } from '../index.ts'
import { createKeyGenerator } from './ai/key-generator.ts'
import type { KeyGenerator, KeyGeneratorOptions } from './ai/key-generator.ts'

/** Asks the model for the vectors of texts: one for each, in their order. */
export type Embed = (
  texts: readonly string[],
  context: { readonly signal: AbortSignal },
) => Promise<readonly Vector[]> | readonly Vector[]

type Vector = Float32Array | Float64Array | readonly number[]

/** What `embeddingsCache` takes. */
export interface EmbeddingsCacheOptions {
  /** Name of the model. */
  readonly model: string
  /** Its version, if the name does not tell. */
  readonly version?: string
  /** Length of a vector; one of another length is refused. @default as it comes, at least 1 */
  readonly dimensions?: number
  /** Whose they are; tenants never share a vector. @default nobody's */
  readonly tenant?: string
  /** Settings of the model that change its vectors, a task type for example. @default none */
  readonly parameters?: unknown
  /**
   * What becomes of a text before it is looked up and before the model gets it, so a key always stands for exactly one text.
   * @default nothing
   */
  readonly normalize?: (text: string) => string
  /** `float32` has all that models give, which say it in decimal digits; `float64` gives back these very numbers. @default 'float32' */
  readonly precision?: 'float32' | 'float64'
  /** What makes the keys, or its options: give a `secret`. @default see KeyGeneratorOptions */
  readonly keys?: KeyGenerator | Omit<KeyGeneratorOptions, 'model'>
  /** How long it is kept. @default that of the namespace */
  readonly ttl?: Lifetime
}

/** Options of one call. */
export interface EmbedOptions {
  /** Ends the wait of this caller. @default none */
  readonly signal?: AbortSignal
}

/** Vectors of texts. */
export interface EmbeddingsCache {
  /** The vector of one text. @throws as `embedMany` */
  embed(text: string, load: Embed, options?: EmbedOptions): Promise<Float32Array | Float64Array>
  /**
   * The vectors of texts, in their order. The model is asked once, for the texts that are missing, each of them once.
   *
   * @throws LoaderError ERR_CACHE_LOADER when the model failed, or gave too few or too many vectors, one of a wrong length, or one
   *   with a number that is not finite: nothing of that answer is stored
   */
  embedMany(
    texts: readonly string[],
    load: Embed,
    options?: EmbedOptions,
  ): Promise<readonly (Float32Array | Float64Array)[]>
}

/**
 * A cache for embeddings, in a namespace of its own.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const vectors = embeddingsCache(manager.namespace('embeddings'), { model: 'text-embedding-3-small', dimensions: 2 })
 * const embed = async (texts: readonly string[]) => texts.map((text) => [text.length, 1])
 * console.log(await vectors.embedMany(['steel', 'iron', 'steel'], embed)) // => [ Float32Array(2) [ 5, 1 ], Float32Array(2) [ 4, 1 ], Float32Array(2) [ 5, 1 ] ]
 */
export function embeddingsCache(cache: Cache, options: EmbeddingsCacheOptions): EmbeddingsCache {
  const { model, dimensions, precision = 'float32' } = options
  if (typeof model !== 'string' || model === '') throw wrongOption('`model` must be the name of a model.')
  if (dimensions !== undefined && !(Number.isSafeInteger(dimensions) && dimensions > 0))
    throw wrongOption('`dimensions` must be a positive whole number.')
  if (precision !== 'float32' && precision !== 'float64')
    throw wrongOption("`precision` must be 'float32' or 'float64'.")
  return new Embeddings(cache, options)
}

class Embeddings implements EmbeddingsCache {
  readonly #cache: Cache
  readonly #options: EmbeddingsCacheOptions
  readonly #keys: KeyGenerator

  constructor(cache: Cache, options: EmbeddingsCacheOptions) {
    const { keys = {} } = options
    this.#cache = cache
    this.#options = options
    this.#keys = 'key' in keys ? keys : createKeyGenerator({ clock: systemRuntime().clock, ...keys })
  }

  async embed(text: string, load: Embed, options?: EmbedOptions): Promise<Float32Array | Float64Array> {
    const [vector] = await this.embedMany([text], load, options)
    return vector!
  }

  async embedMany(
    texts: readonly string[],
    load: Embed,
    { signal }: EmbedOptions = {},
  ): Promise<readonly (Float32Array | Float64Array)[]> {
    const { normalize = (text: string) => text, ttl } = this.#options
    const byKey = new Map<string, string>()
    const keys = texts.map((given) => {
      const text = normalize(given)
      const key = this.#keyOf(text)
      byKey.set(key, text)
      return key
    })
    const found = await this.#cache.getOrSetMany(
      byKey.keys(),
      async (missing, context) => {
        const asked = missing.map((key) => byKey.get(key)!)
        return this.#checked(missing, await load(asked, { signal: context.signal }))
      },
      { ...(ttl !== undefined && { ttl }), ...(signal !== undefined && { signal }) },
    )
    return keys.map((key) => found.get(key) as Float32Array | Float64Array)
  }

  #keyOf(text: string): string {
    const { model, version, tenant, dimensions, parameters, precision = 'float32' } = this.#options
    return this.#keys.key({
      operation: 'embed',
      model,
      modelVersion: version,
      tenant,
      text,
      options: { dimensions, precision },
      parameters,
    })
  }

  #checked(keys: readonly string[], vectors: readonly Vector[]): Map<string, unknown> {
    if (!Array.isArray(vectors) || vectors.length !== keys.length)
      throw wrongVector(`The model was asked for ${keys.length} vectors and gave ${vectors?.length}.`)
    const { dimensions, precision = 'float32' } = this.#options
    return new Map(
      keys.map((key, at) => {
        const vector = vectors[at] as Vector
        const wanted = dimensions ?? Math.max(1, vectors[0]!.length)
        if (vector.length !== wanted)
          throw wrongVector(`A vector has ${vector.length} dimensions; it must have ${wanted}.`)
        const numbers = precision === 'float32' ? Float32Array.from(vector) : Float64Array.from(vector)
        if (!numbers.every(Number.isFinite)) throw wrongVector('A vector has a number that is not finite.')
        return [key, numbers]
      }),
    )
  }
}

function wrongVector(message: string): LoaderError {
  return new LoaderError(message, { code: 'ERR_CACHE_LOADER', operation: 'embed' })
}

function wrongOption(message: string): ConfigError {
  return new ConfigError(message, { code: 'ERR_CACHE_OPTION' })
}
