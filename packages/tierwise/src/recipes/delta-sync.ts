import { boolean, duration, oneOf, orOff, readOptions, shaped, text } from '../base/option-reader.ts'
import { wallClock } from '../base/runtime.ts'
import type { Coordination, Counter, HeldLock, Lock, Register, Watermark } from '../coordination/index.ts'
import { CacheError, KeyError } from '../index.ts'
import type { Duration } from '../index.ts'
import {
  GoingRun,
  type SyncOutcome,
  type SyncProgress,
  type SyncRun,
  type SyncSettings,
  type SyncTarget,
} from './delta-sync/going-run.ts'

export type {
  PartlyDone,
  SyncContext,
  SyncFailure,
  SyncOutcome,
  SyncPage,
  SyncProgress,
  SyncRequest,
  SyncRun,
  SyncTarget,
} from './delta-sync/going-run.ts'

/** What `deltaSync` takes. */
export interface DeltaSyncOptions {
  /** Of the state. @default 'sap_sync' */
  readonly name?: string
  /** How far back the first run of an entity begins. @default '365d' */
  readonly lookBack?: Duration
  /**
   * How much before the watermark each run reads again, for changes that become visible late: as long as the longest
   * transaction of the source. What is read again has to be harmless, by `deduplication` for example. @default '5m'
   */
  readonly overlap?: Duration | false
  /** After a batch that failed: end the run, or process the others too. The watermark stays before it in both. @default 'stop' */
  readonly onFailure?: 'stop' | 'continue'
  /**
   * How far the clock of the source may differ from that of this process. What was changed later than that in the future does
   * not move the watermark. @default '5m'
   */
  readonly clockTolerance?: Duration
  /** How long an entity stays locked after a process that died. Prolonged while a run goes on. @default '30s' */
  readonly lockTtl?: Duration
  /** Take a store that forgets when it ends, as one in this process does; for tests. @default false */
  readonly allowVolatile?: boolean
  /** Epoch milliseconds of the wall clock; for tests. @default that of Node */
  readonly now?: () => number
}

/** How an entity is. Times are epoch milliseconds. */
export interface SyncStatus {
  readonly watermark: number | undefined
  readonly lastRun: SyncRecord | undefined
}

/** A run as it is remembered. One that says `running` and was not updated for long has died. */
export interface SyncRecord extends Omit<SyncProgress, 'watermark'> {
  readonly state: 'running' | 'done' | 'failed' | 'lock-lost' | 'aborted' | 'unavailable'
  readonly startedAt: number
  readonly updatedAt: number
}

/** Reads what has changed since the last time, and moves on only past what was processed. */
export interface DeltaSync {
  /** Never rejects for what a source or a batch does: look at the outcome. @throws KeyError ERR_CACHE_KEY */
  run<T, C = string>(run: SyncRun<T, C>): Promise<SyncOutcome>
  /** @throws TierError ERR_CACHE_UNAVAILABLE */
  status(target: SyncTarget): Promise<SyncStatus>
  /**
   * Begins again at a time, or `lookBack` ago. A run that goes on at the moment does not move the new watermark.
   *
   * @throws TierError ERR_CACHE_UNAVAILABLE
   */
  reset(target: SyncTarget, to?: number | Date): Promise<void>
}

/**
 * Synchronises entities of another system by what has changed. The watermark of an entity never ends, only grows, and only
 * past batches that were processed; one process at a time synchronises an entity.
 *
 * @throws ConfigError ERR_CACHE_OPTION, ERR_CACHE_CONFIG for a store that forgets
 * @example
 * const sync = deltaSync(coordination)
 * const outcome = await sync.run({
 *   module: 'MM',
 *   entity: 'purchase_order',
 *   fetchSince: ({ since, cursor }) => sap.changes('purchase_order', since, cursor),
 *   markOf: (order) => order.changedAt,
 *   process: (records) => orders.processBatch(records, save),
 * })
 */
export function deltaSync(coordination: Coordination, options: DeltaSyncOptions = {}): DeltaSync {
  return new StoredDeltaSync(coordination, options)
}

const path = 'deltaSync'
const table = {
  name: text,
  lookBack: duration,
  overlap: orOff(duration, 0),
  onFailure: oneOf('stop', 'continue'),
  clockTolerance: duration,
  lockTtl: duration,
  allowVolatile: boolean,
  now: shaped('a function', (raw): raw is () => number => typeof raw === 'function'),
}

class StoredDeltaSync implements DeltaSync {
  readonly #settings: SyncSettings
  readonly #lock: Lock
  readonly #marks: Watermark
  /** Each reset begins another one, with a watermark of its own: a run of before cannot move it. */
  readonly #epochs: Counter
  readonly #runs: Register<SyncRecord>

  constructor(coordination: Coordination, raw: DeltaSyncOptions) {
    const read = readOptions<{ lookBack: number; overlap: number; clockTolerance: number; lockTtl: number }>(
      raw,
      path,
      table as never,
    )
    const { name = 'sap_sync', onFailure = 'stop', allowVolatile = false, now = wallClock } = raw
    this.#settings = {
      lookBackMs: read.lookBack ?? 365 * 86_400_000,
      overlapMs: read.overlap ?? 300_000,
      toleranceMs: read.clockTolerance ?? 300_000,
      onFailure,
      now,
    }
    this.#lock = coordination.lock(name, { failure: 'closed', ttl: read.lockTtl ?? 30_000 })
    this.#marks = coordination.watermark(name, { allowVolatile })
    this.#epochs = coordination.counter(name, { failure: 'closed' })
    this.#runs = coordination.register(name, { failure: 'closed' })
  }

  async run<T, C = string>(run: SyncRun<T, C>): Promise<SyncOutcome> {
    const id = idOf(run)
    let lock: HeldLock | undefined
    try {
      lock = await this.#lock.tryAcquire(id)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      const nothing = { batches: 0, records: 0, failedBatches: 0, watermark: undefined, since: undefined }
      return { ok: false, reason: 'unavailable', failures: [], ...nothing }
    }
    if (lock === undefined) return { ok: false, reason: 'busy' }
    try {
      return await this.#hold(id, run, lock)
    } finally {
      // It ends by itself if this cannot end it.
      await lock.release().catch(() => false)
    }
  }

  async status(target: SyncTarget): Promise<SyncStatus> {
    const id = idOf(target)
    const [watermark, lastRun] = await Promise.all([
      this.#markId(id).then((markId) => this.#marks.get(markId)),
      this.#runs.get(id),
    ])
    return { watermark, lastRun }
  }

  async reset(target: SyncTarget, to?: number | Date): Promise<void> {
    const id = idOf(target)
    if (to !== undefined && !Number.isFinite(Number(to))) throw new RangeError('`to` is no time.')
    const epoch = await this.#epochs.increment(id)
    if (to !== undefined) await this.#marks.advance(`${id}@${epoch}`, to)
    await this.#marks.reset(`${id}@${epoch - 1}`)
  }

  async #hold<T, C>(id: string, run: SyncRun<T, C>, lock: HeldLock): Promise<SyncOutcome> {
    const startedAt = this.#settings.now()
    const going = new GoingRun({ run, lock, settings: this.#settings })
    const note = async (state: SyncRecord['state']): Promise<void> => {
      const { batches, records, failedBatches } = going.progress
      const record = { state, startedAt, updatedAt: this.#settings.now(), batches, records, failedBatches }
      // What is told about a run must not end it.
      await this.#runs.set(id, record).catch(() => {})
    }
    let outcome: SyncOutcome
    try {
      const markId = await this.#markId(id)
      going.begin(await this.#marks.get(markId))
      await note('running')
      const advance = (mark: number): Promise<boolean> => this.#marks.advance(markId, mark)
      while (await going.nextBatch(advance)) await note('running')
      outcome = going.outcome()
    } catch (error) {
      if (!isUnavailable(error)) throw error
      outcome = going.outcome('unavailable')
    }
    await note(outcome.ok ? 'done' : (outcome.reason as SyncRecord['state']))
    return outcome
  }

  async #markId(id: string): Promise<string> {
    return `${id}@${await this.#epochs.get(id)}`
  }
}

/** @throws KeyError ERR_CACHE_KEY */
function idOf({ module, entity }: SyncTarget): string {
  const parts = module === undefined ? [entity] : [module, entity]
  if (parts.every((part) => typeof part === 'string' && part !== '' && !part.includes(':'))) return parts.join(':')
  throw new KeyError('Module and entity must be texts that are not empty and have no colon.', {
    code: 'ERR_CACHE_KEY',
    operation: 'run',
  })
}

function isUnavailable(error: unknown): boolean {
  return error instanceof CacheError && error.code === 'ERR_CACHE_UNAVAILABLE'
}
