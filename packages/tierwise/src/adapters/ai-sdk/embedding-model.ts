import { LoaderError } from '../../index.ts'
import type { Cache, CacheManager, Lifetime } from '../../index.ts'
import { createKeyGenerator, embeddingsCache } from '../../recipes/ai/index.ts'
import type { KeyGenerator, KeyGeneratorOptions } from '../../recipes/ai/index.ts'
import type { SpecificationVersion } from './language-model.ts'
import type { SdkModel, SdkParams } from './parts.ts'

/** What `embeddingCacheMiddleware` takes. */
export interface EmbeddingCacheMiddlewareOptions<S extends SpecificationVersion = 'v3'> {
  /** Of the SDK's middleware, for its types: `'v3'` is that of ai 6. @default 'v3' */
  readonly specificationVersion?: S
  /** Of the manager, where a manager is given. @default 'ai_embeddings' */
  readonly namespace?: string
  /** What makes the keys, or its options: give a `secret`. @default see KeyGeneratorOptions */
  readonly keys?: KeyGenerator | Omit<KeyGeneratorOptions, 'model'>
  /** How long it is kept. @default that of the namespace */
  readonly ttl?: Lifetime
  /** Whose a call is; tenants never share a vector. @default nobody's */
  readonly tenant?: () => string | undefined
}

/** A middleware for `wrapEmbeddingModel`. */
export interface EmbeddingCacheMiddleware<S extends SpecificationVersion = 'v3'> {
  readonly specificationVersion: S
  wrapEmbed<R extends object>(call: {
    readonly doEmbed: () => PromiseLike<R>
    readonly params: object
    readonly model: SdkModel
  }): Promise<R>
}

/**
 * Caches the vectors of `embed` and `embedMany`, text by text: the model is asked for those that are missing. `usage` has the tokens of
 * what was asked; `providerMetadata.tierwise` says how many vectors were there.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 */
export function embeddingCacheMiddleware<S extends SpecificationVersion = 'v3'>(
  cache: Cache | CacheManager,
  options: EmbeddingCacheMiddlewareOptions<S> = {},
): EmbeddingCacheMiddleware<S> {
  const vectors = ('namespace' in cache ? cache.namespace(options.namespace ?? 'ai_embeddings') : cache) as Cache
  const { keys = {} } = options
  const generator = 'key' in keys ? keys : createKeyGenerator(keys)
  return {
    specificationVersion: options.specificationVersion ?? ('v3' as S),
    wrapEmbed: (call) => embed(vectors, { ...options, keys: generator }, call as unknown as Call) as never,
  }
}

interface EmbedParams extends SdkParams {
  readonly values: readonly string[]
}

interface EmbedResult {
  readonly embeddings: readonly (readonly number[])[]
  readonly usage?: { readonly tokens: number }
  readonly providerMetadata?: Readonly<Record<string, unknown>>
}

interface Call {
  readonly params: EmbedParams
  readonly model: SdkModel & { doEmbed(params: EmbedParams): PromiseLike<EmbedResult> }
}

async function embed(
  cache: Cache,
  { keys, ttl, tenant }: EmbeddingCacheMiddlewareOptions<SpecificationVersion>,
  { params, model }: Call,
): Promise<object> {
  const whose = tenant?.()
  const { values, abortSignal, providerOptions } = params
  // Numbers come back as they were: a model says 0.1, and a float32 would make 0.10000000149011612 of it.
  const vectors = embeddingsCache(cache, {
    model: `${model.provider}/${model.modelId}`,
    parameters: { provider: model.provider, providerOptions },
    precision: 'float64',
    ...(keys !== undefined && { keys }),
    ...(ttl !== undefined && { ttl }),
    ...(whose !== undefined && { tenant: whose }),
  })
  let own: EmbedResult | undefined
  let asked = 0
  try {
    const found = await vectors.embedMany(
      values,
      async (missing, { signal }) => {
        own = await model.doEmbed({ ...params, values: missing, abortSignal: signal })
        asked += missing.length
        return own.embeddings
      },
      abortSignal === undefined ? {} : { signal: abortSignal },
    )
    const mark = { cached: new Set(values).size - asked, asked }
    return {
      usage: { tokens: 0 },
      warnings: [],
      ...own,
      embeddings: found.map((vector) => Array.from(vector)),
      providerMetadata: { ...own?.providerMetadata, tierwise: mark },
    }
  } catch (error) {
    if (abortSignal?.aborted === true) throw abortSignal.reason
    throw error instanceof LoaderError && error.cause !== undefined ? error.cause : error
  }
}
