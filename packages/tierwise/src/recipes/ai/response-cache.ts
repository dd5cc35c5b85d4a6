import { parseSize } from '../../base/duration.ts'
import { systemRuntime } from '../../base/runtime.ts'
import { ConfigError, parseDuration } from '../../index.ts'
import type { Cache, CacheManager, Lifetime, LoaderContext, LoadOptions, Runtime } from '../../index.ts'
import { Askers } from './askers.ts'
import { createKeyGenerator } from './key-generator.ts'
import type { KeyGenerator } from './key-generator.ts'
import { readLegacy } from './legacy-reader.ts'
import { operationTtls, TextTiers } from './operations.ts'
import type { TextTier } from './operations.ts'
import type { AnswerRecord, StreamRecord } from './record.ts'
import { replayRecord, waitWith } from './replay.ts'
import { OperationStatistics } from './statistics.ts'
import type { AnswerSource, OperationCounters } from './statistics.ts'
import { StreamFlights } from './stream-flights.ts'
import type { Boarded } from './stream-flights.ts'
import { measured } from './text-length.ts'
import { toStream } from './to-stream.ts'
import type {
  AiInvalidation,
  AiRequest,
  AiResponse,
  AiResponseCache,
  AiResponseCacheOptions,
  AiStream,
  ModelCall,
} from './types.ts'

/**
 * A cache for answers of models, in a namespace of its own: of the manager, or the one that is given.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const answers = aiResponseCache(manager, { keys: { secret: 'a secret of 16 bytes or more' } })
 * const request = { operation: 'summarize', model: 'gpt-5', text: 'Steel is an alloy of iron.' }
 * await answers.respond(request, async () => 'An alloy.')
 * const again = await answers.respond(request, async () => 'not called')
 * console.log(again.response, again.cached) // => An alloy. true
 */
export function aiResponseCache(source: Cache | CacheManager, options: AiResponseCacheOptions = {}): AiResponseCache {
  const cache = 'namespace' in source ? source.namespace(options.namespace ?? 'ai_responses') : source
  return new ResponseCache(cache as Cache, options)
}

/** A request with all that follows from it. */
interface Asked {
  readonly request: AiRequest
  readonly key: string
  readonly textTier: TextTier
  readonly options: LoadOptions
}

class ResponseCache implements AiResponseCache {
  readonly keys: KeyGenerator
  readonly #cache: Cache
  readonly #options: AiResponseCacheOptions
  readonly #runtime: Runtime
  readonly #defaultModel: string | undefined
  readonly #textTiers: TextTiers
  readonly #flights: StreamFlights
  readonly #askers = new Askers()
  readonly #statistics = new OperationStatistics()

  constructor(cache: Cache, options: AiResponseCacheOptions) {
    const { keys = {} } = options
    checkOptions(options)
    this.#cache = cache
    this.#options = options
    this.#runtime = { ...systemRuntime(), ...options.runtime }
    this.keys = 'key' in keys ? keys : createKeyGenerator(keys)
    this.#defaultModel = 'key' in keys ? undefined : keys.model
    this.#textTiers = new TextTiers(options.textTiers)
    this.#flights = new StreamFlights(cache, this.#runtime, options)
  }

  async respond<R>(request: AiRequest, call: (context: ModelCall) => R | Promise<R>): Promise<AiResponse<R>> {
    const asked = await this.#ask(request)
    const asker = this.#askers.begin(asked.key)
    let own: AnswerRecord | undefined
    try {
      const load = async (context: LoaderContext<unknown>): Promise<AnswerRecord> => {
        own = await this.#load(asked, context, call)
        this.#askers.brought(asked.key, own.cachedAt)
        return own
      }
      const record = (await this.#cache.getOrSet(asked.key, load, asked.options)) as AnswerRecord
      const isOwn = own !== undefined && own.cachedAt === record.cachedAt
      const source = sourceOf(record, isOwn ? 'call' : asker.isShared(record.cachedAt) ? 'shared' : 'cache')
      this.#count(asked, source, record)
      return toResponse<R>(record, asked.key, source)
    } catch (error) {
      this.#statistics.failed(request.operation)
      throw error
    } finally {
      asker.end()
    }
  }

  async stream<C>(
    request: AiRequest,
    call: (context: ModelCall) => AsyncIterable<C> | Promise<AsyncIterable<C>>,
  ): Promise<AiStream<C>> {
    const asked = await this.#ask(request)
    request.signal?.throwIfAborted()
    const key = streamKey(asked.key)
    const { signal: _, forceFresh: __, ...options } = asked.options
    const toRecord = (recording: Pick<StreamRecord, 'chunks' | 'at'>, cachedAt: number): StreamRecord | undefined => {
      if (this.#options.shouldCache?.(recording.chunks, request) === false) return undefined
      const usage = this.#options.usageOf?.(recording.chunks, request)
      return { kind: 'stream', ...recording, cachedAt, ms: recording.at.at(-1) ?? 0, usage }
    }
    try {
      const { boarded, joined } = await this.#flights.board(key, {
        call,
        toRecord,
        options: { ...options, ...plainLoad },
      })
      return this.#read<C>({ ...asked, key }, boarded, joined)
    } catch (error) {
      this.#statistics.failed(request.operation)
      throw error
    }
  }

  async find<R>(request: AiRequest): Promise<AiResponse<R> | undefined> {
    const { key, options } = await this.#ask(request)
    const { tiers, signal } = options
    const reading = { ...(tiers && { tiers }), ...(signal && { signal }) }
    const record = (await this.#cache.get(key, reading)) as AnswerRecord | undefined
    return record && toResponse<R>(record, key, sourceOf(record, 'cache'))
  }

  async delete(request: AiRequest): Promise<boolean> {
    const { key } = await this.#ask(request)
    return (await this.#cache.deleteMany([key, streamKey(key)])) > 0
  }

  invalidate({ operations = [], models = [], tenants = [], tags = [] }: AiInvalidation): Promise<void> {
    const own = [...operations.map(tagOf.operation), ...models.map(tagOf.model), ...tenants.map(tagOf.tenant)]
    return this.#cache.invalidateTags([...own, ...tags])
  }

  statistics(): Readonly<Record<string, OperationCounters>> {
    return this.#statistics.read()
  }

  async #ask(request: AiRequest): Promise<Asked> {
    const { operation, tenant, model = this.#defaultModel } = request
    const { parts, length } = measured(request)
    const key = await this.keys.keyOf(parts)
    const textTier = this.#textTiers.of(length())
    const tags = [tagOf.operation(operation), ...(request.tags ?? [])]
    if (model !== undefined) tags.push(tagOf.model(model))
    if (tenant !== undefined) tags.push(tagOf.tenant(tenant))
    const ttl = request.ttl ?? this.#ttlOf(operation)
    const tiers = this.#textTiers.tiersFor(key, operation, textTier)
    const { signal, forceFresh } = request
    const options: LoadOptions = {
      tags,
      ...(ttl !== undefined && { ttl }),
      ...(tiers !== undefined && { tiers }),
      ...(signal !== undefined && { signal }),
      ...(forceFresh !== undefined && { forceFresh }),
    }
    return { request, key, textTier, options }
  }

  #ttlOf(operation: string): Lifetime | undefined {
    const own = this.#options.operationTtls ?? {}
    if (Object.hasOwn(own, operation)) return own[operation]
    return Object.hasOwn(operationTtls, operation) ? operationTtls[operation] : undefined
  }

  async #load<R>(
    { request, options }: Asked,
    context: LoaderContext<unknown>,
    call: (context: ModelCall) => R | Promise<R>,
  ): Promise<AnswerRecord> {
    const legacy = request.forceFresh === true ? undefined : await this.#loadLegacy(request, options, context)
    if (legacy !== undefined) return legacy
    const from = this.#runtime.clock.now()
    const response = await call({ signal: context.signal })
    const cachedAt = this.#runtime.clock.now()
    if (response === undefined || this.#options.shouldCache?.(response, request) === false) context.skip()
    const usage = this.#options.usageOf?.(response, request)
    return { kind: 'answer', response, cachedAt, ms: cachedAt - from, usage }
  }

  async #loadLegacy(
    request: AiRequest,
    options: LoadOptions,
    context: LoaderContext<unknown>,
  ): Promise<AnswerRecord | undefined> {
    const found = this.#options.legacy && (await readLegacy(this.#options.legacy, request))
    if (found === undefined) return undefined
    context.setTtl(shorter(found.ttl, options.ttl))
    const { response, cachedAt = this.#runtime.clock.now() } = found
    return { kind: 'answer', response, cachedAt, ms: 0, isLegacy: true }
  }

  #read<C>(asked: Asked, boarded: Boarded, joined: boolean): AiStream<C> {
    const { signal } = asked.request
    if (boarded.kind === 'record') {
      const { record } = boarded
      this.#count(asked, 'cache', record)
      const chunks = replayRecord(record, this.#options.replay, waitWith(this.#runtime, signal))
      return toStream<C>(chunks, { key: asked.key, source: 'cache', cachedAt: record.cachedAt, signal })
    }
    const source = joined ? 'shared' : 'call'
    const { stream, startedAt } = boarded
    const reader = stream.read()
    const count = (recording: Pick<StreamRecord, 'chunks' | 'at'> | undefined): void => {
      const usage = recording && this.#options.usageOf?.(recording.chunks, asked.request)
      this.#count(asked, source, { ms: recording?.at.at(-1) ?? 0, usage })
    }
    void stream.recorded.then(count)
    return toStream<C>(reader, { key: asked.key, source, cachedAt: startedAt, signal })
  }

  #count({ request, textTier }: Asked, source: AnswerSource, { ms, usage }: Pick<AnswerRecord, 'ms' | 'usage'>): void {
    this.#statistics.answered({ operation: request.operation, source, textTier, ms, usage })
  }
}

const tagOf = {
  operation: (name: string): string => `ai:operation:${name}`,
  model: (name: string): string => `ai:model:${name}`,
  tenant: (name: string): string => `ai:tenant:${name}`,
} as const

const streamKey = (key: string): string => `${key}/stream`

/** A stream has its own ways to be late, and its failures are not remembered: who stops reading makes it fail. */
const plainLoad = {
  softTimeout: false,
  hardTimeout: false,
  negativeTtl: false,
  refreshAhead: false,
  earlyRefresh: false,
} as const

function sourceOf(record: AnswerRecord, source: AnswerSource): AnswerSource {
  return record.isLegacy === true ? 'legacy' : source
}

function toResponse<R>({ response, cachedAt, usage }: AnswerRecord, key: string, source: AnswerSource): AiResponse<R> {
  const cached = source === 'cache' || source === 'legacy'
  return { response: response as R, cached, source, cachedAt: new Date(cachedAt), key, usage }
}

function shorter(one: Lifetime | undefined, other: Lifetime | undefined): Lifetime {
  const ms = (life: Lifetime | undefined): number =>
    life === undefined || life === 'forever' ? Infinity : (parseDuration(life) ?? Infinity)
  return ms(one) < ms(other) ? (one ?? 'forever') : (other ?? one ?? 'forever')
}

function checkOptions({
  maxRecordBytes = '4mb',
  waitForOthers = '1s',
  replay = 'instant',
  operationTtls: ttls,
}: AiResponseCacheOptions): void {
  const refuse = (name: string, value: unknown, allowed: string): never => {
    throw new ConfigError(`\`${name}\` is ${JSON.stringify(value)}; it must be ${allowed}.`, {
      code: 'ERR_CACHE_OPTION',
    })
  }
  if (parseSize(maxRecordBytes) === undefined) refuse('maxRecordBytes', maxRecordBytes, "a size like '4mb'")
  if (parseDuration(waitForOthers) === undefined) refuse('waitForOthers', waitForOthers, "a duration like '1s'")
  const isReplay =
    typeof replay === 'object' ? parseDuration(replay.every) !== undefined : ['instant', 'recorded'].includes(replay)
  if (!isReplay) refuse('replay', replay, "'instant', 'recorded' or { every: '20ms' }")
  for (const [operation, ttl] of Object.entries(ttls ?? {}))
    if (ttl !== 'forever' && parseDuration(ttl) === undefined)
      refuse(`operationTtls.${operation}`, ttl, "a duration like '1h'")
}
