import { createEnvelope, loadValueCodec } from '../../../codecs/index.ts'
import { createPostgresPort } from '../../../clients/postgres/create-port.ts'
import type { PostgresPort } from '../../../clients/postgres/port.ts'
import type {
  Decode,
  Tier,
  TierCapabilities,
  TierContext,
  TierOpening,
  TierRecord,
  TierUsage,
  WriteOutcome,
} from '../../../contract/tier.ts'
import { TierError } from '../../../errors.ts'
import { ensureRecords } from './refresh-record.ts'
import { RefreshSchedule } from './refresh-schedule.ts'
import type { ViewsSettings } from './view-options.ts'
import { ViewRefresher, type ViewRefresh } from './view-refresh.ts'
import { ViewSource } from './view-source.ts'

const capabilities: TierCapabilities = {
  shared: true,
  durable: true,
  versions: false,
  scan: true,
  bytes: true,
  tags: false,
  readOnly: true,
}

interface Opened {
  readonly port: PostgresPort
  /** By the name of the view: several namespaces may read one. */
  readonly refreshers: ReadonlyMap<string, ViewRefresher>
  readonly schedules: readonly RefreshSchedule[]
}

/** A storage key that belongs to a view. */
interface Place {
  readonly source: ViewSource
  readonly key: string
  /** Everything before the key. */
  readonly prefix: string
}

/** Materialized views as the last tier of a chain: rows are entries, as old as the last refresh of their view. */
export class PostgresViewsTier implements Tier {
  readonly sync = false
  readonly capabilities: TierCapabilities = capabilities
  readonly #settings: ViewsSettings
  readonly #context: TierContext
  readonly #sources: ReadonlyMap<string, ViewSource>
  #opened: Opened | undefined
  #isClosed = false

  constructor(settings: ViewsSettings, context: TierContext) {
    this.#settings = settings
    this.#context = context
    this.#sources = new Map(settings.views.map((view) => [view.namespace, new ViewSource(view, context.name)]))
  }

  get isOpen(): boolean {
    return this.#opened !== undefined
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  async open(): Promise<TierOpening> {
    if (this.#isClosed) throw this.#unavailable('open')
    if (this.#opened === undefined) {
      const port = await createPostgresPort(this.#settings.connection, this.#context)
      try {
        this.#opened = await this.#openWith(port)
      } catch (error) {
        await port.close().catch(() => undefined)
        throw error
      }
      for (const schedule of this.#opened.schedules) schedule.start()
    }
    return { highestVersion: 0 }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const opened = this.#opened
    this.#opened = undefined
    if (opened === undefined) return
    for (const schedule of opened.schedules) schedule.close()
    for (const source of this.#sources.values()) source.close()
    await Promise.all([...opened.refreshers.values()].map((refresher) => refresher.close()))
    await opened.port.close()
  }

  async get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]> {
    this.#assertOpen('get')
    return Promise.all(
      keys.map(async (storageKey, index) => {
        const place = this.#placeOf(storageKey)
        return place?.source.read(place.key, storageKey, (bytes) => decode(bytes, index))
      }),
    )
  }

  async set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[]> {
    return records.map(() => 'refused')
  }

  /** Rows cannot be removed; from now on they are too old. */
  delete(keys: readonly string[]): Promise<readonly boolean[]> {
    for (const storageKey of keys) {
      const place = this.#placeOf(storageKey)
      place?.source.invalidate(place.key)
    }
    return Promise.resolve(keys.map(() => false))
  }

  clear(prefix: string): Promise<void> {
    const [ours = '', , namespace, key] = prefix.split(':')
    const isOurs = ours === '' || ours === this.#context.prefix
    for (const [name, source] of this.#sources)
      if (isOurs && (key === undefined || namespace === name)) source.invalidateAll()
    return Promise.resolve()
  }

  /** Only within a namespace: the version of a storage key is not known otherwise. */
  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    this.#assertOpen('scan')
    const place = this.#placeOf(prefix)
    if (place !== undefined) yield* place.source.scan(place.key, place.prefix, decode)
  }

  async usage(): Promise<TierUsage> {
    this.#assertOpen('usage')
    const distinct = new Map([...this.#sources.values()].map((source) => [source.relation, source]))
    const each = await Promise.all([...distinct.values()].map((source) => source.usage()))
    const sum = (of: (usage: { entries: number; bytes: number }) => number): number =>
      each.reduce((total, usage) => total + of(usage), 0)
    return { entries: sum(({ entries }) => entries), bytes: sum(({ bytes }) => bytes), maxBytes: undefined }
  }

  /** @throws TierError ERR_CACHE_VIEW_REFRESH, ERR_CACHE_TIER_CLOSED */
  async refresh(namespace: string): Promise<ViewRefresh> {
    const opened = this.#assertOpen('refresh')
    const refresher = opened.refreshers.get(this.#sources.get(namespace)?.relation ?? '')
    if (refresher === undefined) throw this.#unavailable('refresh')
    const { view } = refresher
    const sources = [...this.#sources.values()].filter(({ relation }) => relation === view)
    // Without it the refresh goes on, and what was invalidated waits for the next one.
    await Promise.allSettled(sources.map((source) => source.stamp()))
    return refresher.refresh()
  }

  async #openWith(port: PostgresPort): Promise<Opened> {
    const { schema, refreshTimeoutMs } = this.#settings
    await port.connect()
    await ensureRecords(port, schema)
    const envelope = createEnvelope({ codec: await loadValueCodec('msgpack') })
    const context = this.#context
    for (const source of this.#sources.values()) await source.open({ context, port, envelope, schema })
    const refreshers = new Map<string, ViewRefresher>()
    const schedules: RefreshSchedule[] = []
    for (const { relation, settings } of this.#sources.values()) {
      const refresher =
        refreshers.get(relation) ?? new ViewRefresher(relation, { context, port, schema, timeoutMs: refreshTimeoutMs })
      refreshers.set(relation, refresher)
      if (settings.refreshEveryMs !== Infinity)
        schedules.push(new RefreshSchedule(refresher, settings.refreshEveryMs, context))
    }
    return { port, refreshers, schedules }
  }

  /** Storage keys are `prefix:version:namespace:key`, and no part but the key contains a colon. */
  #placeOf(storageKey: string): Place | undefined {
    const version = storageKey.indexOf(':')
    const namespace = storageKey.indexOf(':', version + 1)
    const key = storageKey.indexOf(':', namespace + 1)
    if (version < 0 || namespace < 0 || key < 0 || storageKey.slice(0, version) !== this.#context.prefix)
      return undefined
    const source = this.#sources.get(storageKey.slice(namespace + 1, key))
    return source && { source, key: storageKey.slice(key + 1), prefix: storageKey.slice(0, key + 1) }
  }

  #assertOpen(operation: string): Opened {
    if (this.#opened === undefined) throw this.#unavailable(operation)
    return this.#opened
  }

  #unavailable(operation: string): TierError {
    const why = this.#isClosed ? 'it is closed' : 'it is not open'
    return new TierError(`The tier ${this.#context.name} cannot take ${operation}: ${why}.`, {
      code: 'ERR_CACHE_TIER_CLOSED',
      operation,
      tier: this.#context.name,
    })
  }
}
