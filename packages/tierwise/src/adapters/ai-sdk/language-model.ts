import { KeyError, LoaderError } from '../../index.ts'
import type { Cache, CacheManager, Lifetime } from '../../index.ts'
import { aiResponseCache } from '../../recipes/ai/index.ts'
import type { AiRequest, AiResponseCache, AiResponseCacheOptions, ModelUsage } from '../../recipes/ai/index.ts'
import { endOf, isFinish, marked, reasonOf, tokensOf, withoutTransport } from './parts.ts'
import type { SdkModel, SdkParams, SdkPart, SdkResult } from './parts.ts'

/** What one call can say in its `providerOptions.tierwise`. */
export interface CallCaching {
  /** Neither look into the cache nor store. @default false */
  readonly skip?: boolean
  /** Make a call even if there is an answer. Not for streams. @default false */
  readonly forceFresh?: boolean
  readonly ttl?: Lifetime
  readonly tags?: readonly string[]
  readonly tenant?: string
}

/** Versions of the specification of models: of ai 5, ai 6, ai 7. */
export type SpecificationVersion = 'v2' | 'v3' | 'v4'

/** What `cacheMiddleware` takes. */
export interface CacheMiddlewareOptions<S extends SpecificationVersion = 'v3'> extends Omit<
  AiResponseCacheOptions,
  'isFinish' | 'legacy' | 'shouldCache' | 'textTiers' | 'usageOf'
> {
  /** Of the SDK's middleware, for its types: `'v3'` is that of ai 6. @default 'v3' */
  readonly specificationVersion?: S
  /** What the answers are counted and invalidated as. @default 'language-model' */
  readonly operation?: string
  /** How long it is kept. @default that of the namespace */
  readonly ttl?: Lifetime
  /** Whose a call is; tenants never share an answer. @default nobody's */
  readonly tenant?: () => string | undefined
  /** Names of headers that the answer depends on. @default none */
  readonly keyHeaders?: readonly string[]
  /** Only what ended so is kept. @default ['stop', 'tool-calls'] */
  readonly finishReasons?: readonly string[]
  /** What a call has cost, from its tokens. @default not known */
  readonly costOf?: (usage: ModelUsage, modelId: string) => number
}

/** A middleware for `wrapLanguageModel`. */
export interface CacheMiddleware<S extends SpecificationVersion = 'v3'> {
  readonly specificationVersion: S
  /** Its answers, to invalidate them and to see what they have saved. */
  readonly answers: AiResponseCache
  wrapGenerate<R extends object>(call: {
    readonly doGenerate: () => PromiseLike<R>
    readonly params: object
    readonly model: SdkModel
  }): Promise<R>
  wrapStream<R extends { readonly stream: object }>(call: {
    readonly doStream: () => PromiseLike<R>
    readonly params: object
    readonly model: SdkModel
  }): Promise<R>
}

/**
 * Caches what a model generates and streams, in a namespace of its own. The key has the provider and the model, the prompt
 * with its files, the tools and all settings; not the headers and the signal. A result says in `providerMetadata.tierwise` where it came from.
 *
 * A call with parts that have no content to compare goes to the model.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 */
export function cacheMiddleware<S extends SpecificationVersion = 'v3'>(
  cache: Cache | CacheManager,
  options: CacheMiddlewareOptions<S> = {},
): CacheMiddleware<S> {
  const { finishReasons = ['stop', 'tool-calls'], costOf } = options
  const answers = aiResponseCache(cache, {
    ...options,
    isFinish,
    shouldCache: (response) => finishReasons.includes(reasonOf(endOf(response)) ?? ''),
    usageOf: (response, { model = '' }) => {
      const usage = tokensOf(endOf(response))
      return costOf === undefined ? usage : { ...usage, cost: costOf(usage, model) }
    },
  })
  return {
    specificationVersion: options.specificationVersion ?? ('v3' as S),
    answers,
    wrapGenerate: (call) => generate(answers, call as unknown as Call, requestOf(options, call)) as never,
    wrapStream: (call) => stream(answers, call as unknown as Call, requestOf(options, call)) as never,
  }
}

interface StreamResult extends SdkResult {
  readonly stream: AsyncIterable<unknown>
}

/** A call of the SDK. `model` does what the `do` functions do, and can be given a signal of our own. */
interface Call {
  readonly params: SdkParams
  readonly model: SdkModel & {
    doGenerate(params: SdkParams): PromiseLike<SdkResult>
    doStream(params: SdkParams): PromiseLike<StreamResult>
  }
}

/** What is asked; undefined when the call wants no cache. */
function requestOf(
  options: CacheMiddlewareOptions<SpecificationVersion>,
  { params, model }: { readonly params: SdkParams; readonly model: SdkModel },
): AiRequest | undefined {
  const { prompt, abortSignal, headers = {}, providerOptions = {}, ...settings } = params
  const { tierwise, ...otherOptions } = providerOptions
  const { skip, forceFresh, ttl = options.ttl, tags, tenant = options.tenant?.() } = (tierwise ?? {}) as CallCaching
  if (skip === true) return undefined
  const named = new Set(options.keyHeaders?.map((name) => name.toLowerCase()))
  const keyHeaders = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  const parameters = {
    settings,
    provider: model.provider,
    providerOptions: otherOptions,
    headers: Object.fromEntries(keyHeaders.filter(([name]) => named.has(name))),
  }
  return {
    operation: options.operation ?? 'language-model',
    model: `${model.provider}/${model.modelId}`,
    messages: prompt,
    parameters,
    tenant,
    ttl,
    tags,
    forceFresh,
    signal: abortSignal,
  }
}

async function generate(
  answers: AiResponseCache,
  { params, model }: Call,
  request: AiRequest | undefined,
): Promise<SdkResult> {
  if (request === undefined) return model.doGenerate(params)
  let own: SdkResult | undefined
  try {
    const { response, cached, source, cachedAt, key } = await answers.respond(request, async ({ signal }) => {
      own = await model.doGenerate({ ...params, abortSignal: signal })
      return withoutTransport(own)
    })
    return marked(source === 'call' && own !== undefined ? own : response, {
      cached,
      source,
      cachedAt: cachedAt.toISOString(),
      key,
    })
  } catch (error) {
    if (hasNoKey(error)) return model.doGenerate(params)
    throw causeOf(error, params)
  }
}

async function stream(
  answers: AiResponseCache,
  { params, model }: Call,
  request: AiRequest | undefined,
): Promise<object> {
  if (request === undefined) return model.doStream(params)
  let own: StreamResult | undefined
  try {
    const shared = await answers.stream<SdkPart>(request, async ({ signal }) => {
      own = await model.doStream({ ...params, abortSignal: signal })
      return own.stream as AsyncIterable<SdkPart>
    })
    const { cached, source, cachedAt, key } = shared
    const mark = { cached, source, cachedAt: cachedAt.toISOString(), key }
    const parts = ReadableStream.from(mapped(shared, (part) => (isFinish(part) ? marked(part, mark) : part)))
    return source === 'call' && own !== undefined ? { ...own, stream: parts } : { stream: parts }
  } catch (error) {
    if (hasNoKey(error)) return model.doStream(params)
    throw causeOf(error, params)
  }
}

/** Not a generator: one that has not begun would not tell the stream that its reader has left. */
function mapped<C>(source: AsyncIterable<C>, change: (chunk: C) => C): AsyncIterable<C> {
  const iterator = source[Symbol.asyncIterator]()
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const result = await iterator.next()
        return result.done === true ? result : { done: false, value: change(result.value) }
      },
      return: async () => {
        await iterator.return?.()
        return { done: true, value: undefined }
      },
    }),
  }
}

function hasNoKey(error: unknown): boolean {
  return error instanceof KeyError && error.operation === 'key'
}

/** The SDK knows its own errors: which of them to try again, and that a call was aborted. */
function causeOf(error: unknown, { abortSignal }: SdkParams): unknown {
  if (abortSignal?.aborted === true) return abortSignal.reason
  return error instanceof LoaderError && error.cause !== undefined ? error.cause : error
}
