import type { Duration, Lifetime, Runtime, Size } from '../../index.ts'
import type { KeyGenerator, KeyGeneratorOptions, StreamedKeyParts } from './key-generator.ts'
import type { LegacyOptions } from './legacy-reader.ts'
import type { TextTierOptions } from './operations.ts'
import type { AnswerSource, ModelUsage, OperationCounters } from './statistics.ts'

/** What is asked of a model, and how its answer is kept. */
export interface AiRequest extends StreamedKeyParts {
  /** @default that of the operation */
  readonly ttl?: Lifetime | undefined
  /** Tags by which the answer can be invalidated, besides those that it has in any case. @default none */
  readonly tags?: readonly string[] | undefined
  /** Make a call even if there is an answer. Not for streams. @default false */
  readonly forceFresh?: boolean | undefined
  /** Ends the wait of this caller; others that share the call go on. @default none */
  readonly signal?: AbortSignal | undefined
}

/** What a call is given. */
export interface ModelCall {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** An answer. */
export interface AiResponse<R> {
  readonly response: R
  /** Whether it was there before it was asked for. */
  readonly cached: boolean
  readonly source: AnswerSource
  /** When the answer came to be. */
  readonly cachedAt: Date
  readonly key: string
  /** What its call has used up, where `usageOf` tells. */
  readonly usage: ModelUsage | undefined
}

/** An answer that comes in pieces; it can be read once. Stop reading it by `break`, or by the signal of the request. */
export interface AiStream<C> extends AsyncIterable<C> {
  /** Whether it was there before it was asked for. */
  readonly cached: boolean
  readonly source: AnswerSource
  /** When the call was made. */
  readonly cachedAt: Date
  readonly key: string
}

/** How streams are shared, kept and replayed. */
export interface StreamOptions {
  /** Whether this chunk says that the stream is whole. Give it where a connection that is cut looks like an end. @default a source that ends by itself is whole */
  readonly isFinish?: (chunk: unknown) => boolean
  /** Longer streams go on without being recorded; nobody joins them. @default '4mb' */
  readonly maxRecordBytes?: Size
  /** What becomes of the source when everybody has stopped reading: it is cancelled, or read to its end for the record. @default 'cancel' */
  readonly whenAllLeft?: 'cancel' | 'finish'
  /** How recorded chunks follow each other: at once, as they came, or so far apart. A pause does not keep the process alive. @default 'instant' */
  readonly replay?: 'instant' | 'recorded' | { readonly every: Duration }
  /** How long a caller waits for another process that makes the same call; then it makes its own, which is not stored. @default '1s' */
  readonly waitForOthers?: Duration
}

/** What `aiResponseCache` takes. */
export interface AiResponseCacheOptions extends StreamOptions {
  /** Of the manager, where a manager is given. @default 'ai_responses' */
  readonly namespace?: string
  /** What makes the keys, or its options: give a `secret`. @default see KeyGeneratorOptions */
  readonly keys?: KeyGenerator | KeyGeneratorOptions
  /** How long answers stay fresh, by operation. @default summarize 2h, sentiment 24h, key_points 2h, questions 1h, qa 30m; others as the namespace says */
  readonly operationTtls?: Readonly<Record<string, Lifetime>>
  /** Which answers go to memory too. @default all */
  readonly textTiers?: TextTierOptions
  /** Whether an answer is kept: refuse refusals of the model, empty answers. For a stream it is asked with the list of its chunks. @default all */
  readonly shouldCache?: (response: unknown, request: AiRequest) => boolean
  /** What a call has used up, from its answer, or the list of the chunks of a stream. @default not known */
  readonly usageOf?: (response: unknown, request: AiRequest) => ModelUsage | undefined
  /** Reads an older cache where the new one has no answer. @default none */
  readonly legacy?: LegacyOptions
  /** Clock and timers; in tests. @default those of Node */
  readonly runtime?: Partial<Runtime>
}

/** What is invalidated: all answers that have one of these. */
export interface AiInvalidation {
  readonly operations?: readonly string[]
  readonly models?: readonly string[]
  readonly tenants?: readonly string[]
  readonly tags?: readonly string[]
}

/** Answers of models. */
export interface AiResponseCache {
  readonly keys: KeyGenerator
  /**
   * The answer, from the cache, else from one call that all who ask the same share.
   *
   * @throws KeyError ERR_CACHE_KEY for a request without an operation or a model, or with parts that have no content to compare
   * @throws LoaderError ERR_CACHE_LOADER when the call failed and no stale answer may stand in; `cause` is what it threw
   * @throws AbortedError ERR_CACHE_ABORTED when the signal of the request was aborted
   */
  respond<R>(request: AiRequest, call: (context: ModelCall) => R | Promise<R>): Promise<AiResponse<R>>
  /**
   * The answer in pieces: live from one call that all who ask the same in this process share from its beginning, or replayed. What
   * failed, was stopped or cut is not kept. Rejects with the error of the call; an error of its stream comes where it happened.
   *
   * @throws KeyError ERR_CACHE_KEY as `respond`
   */
  stream<C>(
    request: AiRequest,
    call: (context: ModelCall) => AsyncIterable<C> | Promise<AsyncIterable<C>>,
  ): Promise<AiStream<C>>
  /** The answer if it is there; makes no call. Undefined for a stream. */
  find<R>(request: AiRequest): Promise<AiResponse<R> | undefined>
  /** Removes one answer, that of `respond` and that of `stream`; whether there was one. */
  delete(request: AiRequest): Promise<boolean>
  /** Invalidates all answers that have one of these, by tags: nothing is visited. */
  invalidate(which: AiInvalidation): Promise<void>
  /** Counters by operation, the first 64; the rest are in `other`. */
  statistics(): Readonly<Record<string, OperationCounters>>
}
