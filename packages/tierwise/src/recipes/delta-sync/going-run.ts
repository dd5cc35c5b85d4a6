import type { HeldLock } from '../../coordination/index.ts'

/** What is synchronised. Texts without a colon. */
export interface SyncTarget {
  /** @default none */
  readonly module?: string | undefined
  readonly entity: string
}

/** Which page is asked for. */
export interface SyncRequest<C> {
  /** Everything that was changed at or after it. */
  readonly since: Date
  /** `next` of the page before; undefined for the first. */
  readonly cursor: C | undefined
  /** Aborted when the run is to end, or somebody else may be synchronising the entity. */
  readonly signal: AbortSignal
}

/** A page of changes. */
export interface SyncPage<T, C> {
  readonly records: readonly T[]
  /** Where the next page begins. @default this is the last one */
  readonly next?: C | undefined
  /**
   * Every change until then, by the clock of the source, is in this page or one before. Epoch milliseconds or a date.
   * @default the latest `markOf` of the page; without `markOf` the page does not move the watermark
   */
  readonly upTo?: number | Date | undefined
}

/** What the work on a batch is given. */
export interface SyncContext {
  /** From 1 on. */
  readonly batch: number
  /** Grows with every run of the entity: what refuses a smaller one than it has seen is safe from a run that stood still. */
  readonly fence: number
  /** Aborted when the run is to end, or somebody else may be synchronising the entity. */
  readonly signal: AbortSignal
}

/** Lists that say a batch is not done, as `processBatch` of `deduplication` answers them. */
export interface PartlyDone {
  readonly failed?: readonly { readonly error: unknown }[]
  readonly busy?: readonly unknown[]
}

/** A run of one entity. */
export interface SyncRun<T, C> extends SyncTarget {
  readonly fetchSince: (request: SyncRequest<C>) => SyncPage<T, C> | Promise<SyncPage<T, C>>
  /** A batch has failed when it throws, or answers with `failed` or `busy` that are not empty. */
  readonly process: (
    records: readonly T[],
    context: SyncContext,
  ) => PartlyDone | undefined | void | Promise<PartlyDone | undefined | void>
  /** When a record was changed, by the clock of the source. Records of a page are not later than those of the pages after it. */
  readonly markOf?: (record: T) => number | Date
  /** After each batch. Must not throw. @default none */
  readonly onProgress?: (progress: SyncProgress) => void
  /** Ends the run. */
  readonly signal?: AbortSignal
}

/** How far a run has come. */
export interface SyncProgress {
  readonly batches: number
  readonly records: number
  readonly failedBatches: number
  /** Epoch milliseconds; undefined before the first. */
  readonly watermark: number | undefined
}

/** What failed; the batch counts from 1. */
export interface SyncFailure {
  readonly batch: number
  readonly stage: 'fetch' | 'process'
  readonly error: unknown
}

/** What came of a run. */
export type SyncOutcome =
  | (SyncProgress & { readonly ok: true; readonly since: number })
  | (SyncProgress & {
      readonly ok: false
      /**
       * `failed`: see `failures`. `lock-lost`: this process stood still, or the store could not be asked for too long.
       * `aborted`: by the signal. `unavailable`: the store could not be asked.
       */
      readonly reason: 'failed' | 'lock-lost' | 'aborted' | 'unavailable'
      readonly since: number | undefined
      readonly failures: readonly SyncFailure[]
    })
  /** Another run of this entity goes on. */
  | { readonly ok: false; readonly reason: 'busy' }

/** In milliseconds. */
export interface SyncSettings {
  readonly lookBackMs: number
  readonly overlapMs: number
  readonly toleranceMs: number
  readonly onFailure: 'stop' | 'continue'
  readonly now: () => number
}

/** What a run needs. */
export interface RunParts<T, C> {
  readonly run: SyncRun<T, C>
  readonly lock: HeldLock
  readonly settings: SyncSettings
}

/** One run, page by page. */
export class GoingRun<T, C> {
  readonly #parts: RunParts<T, C>
  readonly #signal: AbortSignal
  readonly #failures: SyncFailure[] = []
  #since: number | undefined
  #watermark: number | undefined
  #batches = 0
  #records = 0
  #cursor: C | undefined
  /** The latest mark of the pages before. */
  #latest = -Infinity

  constructor(parts: RunParts<T, C>) {
    const { lock, run } = parts
    this.#parts = parts
    this.#signal = run.signal === undefined ? lock.signal : AbortSignal.any([lock.signal, run.signal])
  }

  get progress(): SyncProgress {
    const failedBatches = this.#failures.length
    return { batches: this.#batches, records: this.#records, failedBatches, watermark: this.#watermark }
  }

  begin(watermark: number | undefined): void {
    const { now, lookBackMs, overlapMs } = this.#parts.settings
    this.#watermark = watermark
    this.#since = watermark === undefined ? now() - lookBackMs : watermark - overlapMs
  }

  /** Whether there is another one. */
  async nextBatch(advance: (mark: number) => Promise<boolean>): Promise<boolean> {
    if (this.#signal.aborted) return false
    const fetched = await this.#fetch()
    if (fetched === undefined) return false
    const { page, mark } = fetched
    const isDone = await this.#process(page.records)
    // After a batch that failed the watermark stays, and what somebody else may be moving is not moved.
    if (this.#failures.length === 0 && mark !== undefined && !this.#signal.aborted) {
      if (await advance(mark)) this.#watermark = mark
    }
    this.#tell()
    this.#cursor = page.next
    return page.next !== undefined && (isDone || this.#parts.settings.onFailure === 'continue')
  }

  outcome(reason?: 'unavailable'): SyncOutcome {
    const { lock, run } = this.#parts
    const failed = this.#failures.length > 0 ? ('failed' as const) : undefined
    const ended = lock.signal.aborted ? ('lock-lost' as const) : run.signal?.aborted ? ('aborted' as const) : undefined
    const why = reason ?? ended ?? failed
    const since = this.#since
    if (why === undefined && since !== undefined) return { ok: true, since, ...this.progress }
    return { ok: false, reason: why ?? 'failed', since, failures: this.#failures, ...this.progress }
  }

  async #fetch(): Promise<{ readonly page: SyncPage<T, C>; readonly mark: number | undefined } | undefined> {
    const { run, settings } = this.#parts
    const fetchedAt = settings.now()
    try {
      const since = new Date(this.#since ?? fetchedAt)
      const page = await run.fetchSince({ since, cursor: this.#cursor, signal: this.#signal })
      if (page.next !== undefined && page.next === this.#cursor)
        throw new RangeError('The page names itself as the next one; the source does not move on.')
      return { page, mark: this.#markOf(page, fetchedAt) }
    } catch (error) {
      if (!this.#signal.aborted) this.#failures.push({ batch: this.#batches + 1, stage: 'fetch', error })
      return undefined
    }
  }

  #tell(): void {
    try {
      this.#parts.run.onProgress?.(this.progress)
    } catch {
      // Who is told must not change what happens.
    }
  }

  /** Whether all of it is done. */
  async #process(records: readonly T[]): Promise<boolean> {
    const { run, lock } = this.#parts
    const batch = ++this.#batches
    this.#records += records.length
    try {
      if (records.length === 0) return true
      checkDone(await run.process(records, { batch, fence: lock.fence, signal: this.#signal }), records.length)
      return true
    } catch (error) {
      this.#failures.push({ batch, stage: 'process', error })
      return false
    }
  }

  /** How far the source is read when this page is done; undefined when the page does not say. */
  #markOf({ records, upTo }: SyncPage<T, C>, fetchedAt: number): number | undefined {
    const { markOf } = this.#parts.run
    const { toleranceMs } = this.#parts.settings
    const marks = upTo === undefined ? records.flatMap((record) => markOf?.(record) ?? []) : [upTo]
    const times = marks.map(Number)
    if (!times.every(Number.isFinite)) throw new RangeError('A record or a page was changed at no time.')
    if (times.length === 0) return undefined
    if (upTo === undefined) this.#checkOrder(times)
    // By the clock of the source this cannot have been changed yet, so it says nothing about what is still to come.
    const possible = times.filter((time) => time <= fetchedAt + toleranceMs)
    const sure = possible.length < times.length ? fetchedAt - toleranceMs : -Infinity
    return Math.max(sure, ...possible)
  }

  #checkOrder(times: readonly number[]): void {
    if (Math.min(...times) < this.#latest)
      throw new RangeError(
        'A page has records that were changed before those of the page before, past which the watermark has moved. Sort the source, or say `upTo` with the last page.',
      )
    this.#latest = Math.max(this.#latest, ...times)
  }
}

function checkDone(answer: PartlyDone | undefined | void, records: number): void {
  const { failed = [], busy = [] } = answer ?? {}
  const open = failed.length + busy.length
  if (open === 0) return
  throw new Error(`${open} of ${records} records of the batch are not done.`, { cause: failed[0]?.error })
}
