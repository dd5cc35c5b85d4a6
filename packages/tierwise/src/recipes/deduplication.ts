import { canonicalDigest } from '../base/canonical.ts'
import { duration, oneOf, optionError, positiveInteger, readOptions, shaped, text } from '../base/option-reader.ts'
import { systemRuntime } from '../base/runtime.ts'
import type { Claim, ClaimedWork, Claims, Coordination, MemberSet } from '../coordination/index.ts'
import { AbortedError, CacheError, KeyError } from '../index.ts'
import type { Duration, Runtime, Timer } from '../index.ts'

/** What `deduplication` takes. */
export interface DeduplicationOptions<T = unknown> {
  /** What the ids are of: `purchase_order` for example. Letters, digits, `_`, `-` and `.`; ids of different entities are different. */
  readonly entity: string
  /** Of the state. @default 'sap_deduplication' */
  readonly name?: string
  /** How long each id is remembered, by itself, from its commit on. @default '7d' */
  readonly keep?: Duration
  /**
   * After which another process takes over from one that died in the middle. Prolonged while the work runs, so it may be
   * shorter than the work. @default '1m'
   */
  readonly lease?: Duration
  /**
   * When the store cannot be asked: `closed` does no work, `open` does it and may do it twice, `local` does it once in this
   * process. @default 'closed'
   */
  readonly failure?: 'closed' | 'open' | 'local'
  /** The id of a record. @default a text is its own id; anything else has the SHA-256 of its content, whatever the order of its properties */
  readonly id?: (record: T) => string
  /** How many records of a batch are worked on at once. A positive whole number. @default 10 */
  readonly concurrency?: number
  /** Clock and timers, for prolonging leases; for tests. @default those of Node */
  readonly runtime?: Partial<Pick<Runtime, 'clock' | 'timers'>>
}

/** What the work is given. */
export interface WorkContext {
  readonly id: string
  /** The store was not asked: somebody else may be at it too. */
  readonly assumed: boolean
  /** Aborted when the lease could not be kept: somebody else may be at it, and what is not written yet should not be. */
  readonly signal: AbortSignal
}

/** What came of one id. */
export type OnceOutcome<R> =
  | {
      readonly kind: 'processed'
      readonly result: R
      /**
       * False when the work was done and could not be remembered, or the lease was lost and somebody else has taken over: it
       * may be done again, or have been done twice.
       */
      readonly committed: boolean
      readonly assumed: boolean
    }
  /** It was done before. */
  | { readonly kind: 'duplicate' }
  /** Somebody is at it, for so many milliseconds at most if they die. It is not done yet. */
  | { readonly kind: 'busy'; readonly leftMs: number }

/** What came of a batch; each record is in one list. */
export interface BatchOutcome<T, R> {
  readonly processed: readonly {
    readonly record: T
    readonly id: string
    readonly result: R
    readonly committed: boolean
  }[]
  /** Done before, or further records of this batch with an id that came earlier in it. */
  readonly duplicates: readonly { readonly record: T; readonly id: string }[]
  /** Somebody else is at them: not done yet, and nobody knows that they will be. */
  readonly busy: readonly { readonly record: T; readonly id: string; readonly leftMs: number }[]
  /** The work threw, or the store could not be asked. Free again at once. */
  readonly failed: readonly { readonly record: T; readonly id: string; readonly error: unknown }[]
}

/**
 * Work that is done once for each id: it is claimed, done, committed. Who dies in between is followed by somebody else when
 * the lease ends, so nothing is lost; what was done and not committed is done again, and never committed twice.
 */
export interface Deduplication<T = unknown> {
  /** @throws KeyError ERR_CACHE_KEY for a record without content to compare: functions, symbols, instances of classes, cycles */
  idOf(record: T): string
  /**
   * Does the work unless it was done or somebody is at it. Throws what the work throws, and frees the id at once then.
   *
   * @throws TierError ERR_CACHE_UNAVAILABLE with `closed`, before any work
   */
  processOnce<R>(id: string, work: (context: WorkContext) => R | Promise<R>): Promise<OnceOutcome<R>>
  /** As `processOnce` for each record. Never rejects for one of them: look at `failed` and `busy`. */
  processBatch<R>(
    records: readonly T[],
    work: (record: T, context: WorkContext) => R | Promise<R>,
  ): Promise<BatchOutcome<T, R>>
  /** A claim to be committed by the caller, who also has to prolong it with `extend`. */
  claim(id: string): Promise<Claim<undefined>>
  /** Whether it was committed, and is remembered. */
  isDuplicate(id: string): Promise<boolean>
  /** How many ids are remembered; one whose process died while it committed may be missing or be there too early. */
  count(): Promise<number>
  /** Lets an id be done again; whether it was known. */
  forget(id: string): Promise<boolean>
}

/**
 * Does what comes more than once only once: records that a source delivers again, events that are sent again.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const orders = deduplication<Order>(coordination, { entity: 'purchase_order', id: (order) => order.number })
 * const { processed, duplicates, busy, failed } = await orders.processBatch(delivered, (order) => save(order))
 */
export function deduplication<T = unknown>(
  coordination: Coordination,
  options: DeduplicationOptions<T>,
): Deduplication<T> {
  return new ClaimedDeduplication(coordination, options)
}

const path = 'deduplication'
const isFunction = (raw: unknown): raw is (...args: never[]) => string => typeof raw === 'function'
const table = {
  entity: text,
  name: text,
  keep: duration,
  lease: duration,
  failure: oneOf('closed', 'open', 'local'),
  id: shaped('a function', isFunction),
  concurrency: positiveInteger,
  runtime: shaped('an object', (raw): raw is object => typeof raw === 'object' && raw !== null),
}

class ClaimedDeduplication<T> implements Deduplication<T> {
  readonly #entity: string
  readonly #claims: Claims
  readonly #remembered: MemberSet
  readonly #keepMs: number
  readonly #leaseMs: number
  readonly #concurrency: number
  readonly #id: ((record: T) => string) | undefined
  readonly #runtime: Pick<Runtime, 'clock' | 'timers'>

  constructor(coordination: Coordination, raw: DeduplicationOptions<T>) {
    const read = readOptions<{ keep: number; lease: number }>(raw, path, table as never)
    const { entity, name = 'sap_deduplication', failure = 'closed', concurrency = 10, id, runtime } = raw
    if (typeof entity !== 'string' || !/^[\w.-]{1,128}$/.test(entity))
      throw optionError(`${path}.entity`, entity, 'a text of letters, digits, `_`, `-` and `.`, at most 128')
    this.#entity = entity
    this.#keepMs = read.keep ?? 7 * 86_400_000
    this.#leaseMs = read.lease ?? 60_000
    this.#claims = coordination.claims(name, { failure, lease: this.#leaseMs, keep: this.#keepMs })
    this.#remembered = coordination.memberSet(name, { failure, ttl: this.#keepMs })
    this.#concurrency = concurrency
    this.#id = id
    this.#runtime = { ...systemRuntime(), ...runtime }
  }

  idOf(record: T): string {
    if (this.#id !== undefined) return this.#id(record)
    return typeof record === 'string' ? record : contentHash(record)
  }

  async processOnce<R>(id: string, work: (context: WorkContext) => R | Promise<R>): Promise<OnceOutcome<R>> {
    const runtime = this.#runtime
    const askedAt = runtime.clock.now()
    const claim = await this.#claims.claim(this.#keyOf(id))
    if (claim.kind === 'done') return { kind: 'duplicate' }
    if (claim.kind === 'busy') return claim
    const lease = new KeptLease({ claim, leaseMs: this.#leaseMs, askedAt, runtime })
    try {
      const result = await work({ id, assumed: claim.assumed, signal: lease.signal })
      lease.end()
      return { kind: 'processed', result, committed: await this.#commit(id, claim), assumed: claim.assumed }
    } catch (error) {
      lease.end()
      // The lease frees it if this cannot.
      await claim.abandon().catch(() => false)
      throw error
    }
  }

  async processBatch<R>(
    records: readonly T[],
    work: (record: T, context: WorkContext) => R | Promise<R>,
  ): Promise<BatchOutcome<T, R>> {
    const known = new Set<string>()
    const outcomes: (() => void)[] = []
    const batch: Gathered<T, R> = { processed: [], duplicates: [], busy: [], failed: [] }
    const next = records.entries()
    const worker = async (): Promise<void> => {
      for (const [index, record] of next) {
        const gather = await this.#one(record, { known, work, batch })
        outcomes[index] = gather
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.#concurrency, records.length) }, worker))
    // In the order of the records, whoever was done first.
    for (const gather of outcomes) gather()
    return batch
  }

  claim(id: string): Promise<Claim<undefined>> {
    return this.#claims.claim(this.#keyOf(id)).then((claim) => {
      if (claim.kind !== 'claimed') return claim
      const { assumed } = claim
      return {
        kind: 'claimed',
        assumed,
        commit: () => this.#committed(id, claim),
        abandon: () => claim.abandon(),
        extend: () => claim.extend(),
      }
    })
  }

  isDuplicate(id: string): Promise<boolean> {
    return this.#claims.isDone(this.#keyOf(id))
  }

  count(): Promise<number> {
    return this.#remembered.count(this.#entity)
  }

  async forget(id: string): Promise<boolean> {
    const [wasKnown] = await Promise.all([
      this.#claims.forget(this.#keyOf(id)),
      this.#remembered.remove(this.#entity, id),
    ])
    return wasKnown
  }

  async #one<R>(record: T, { known, work, batch }: BatchParts<T, R>): Promise<() => void> {
    let id = ''
    try {
      id = this.idOf(record)
      if (known.has(id)) return () => batch.duplicates.push({ record, id })
      known.add(id)
      const outcome = await this.processOnce(id, (context) => work(record, context))
      if (outcome.kind === 'duplicate') return () => batch.duplicates.push({ record, id })
      if (outcome.kind === 'busy') return () => batch.busy.push({ record, id, leftMs: outcome.leftMs })
      const { result, committed } = outcome
      return () => batch.processed.push({ record, id, result, committed })
    } catch (error) {
      return () => batch.failed.push({ record, id, error })
    }
  }

  /** The work is done, so what cannot be remembered is no failure of it: its result reaches the caller. */
  async #commit(id: string, claim: ClaimedWork<undefined>): Promise<boolean> {
    try {
      return await this.#committed(id, claim)
    } catch (error) {
      if (error instanceof CacheError && error.code === 'ERR_CACHE_UNAVAILABLE') return false
      throw error
    }
  }

  async #committed(id: string, claim: ClaimedWork<undefined>): Promise<boolean> {
    // What is remembered beside it is for the count only.
    const [isCommitted] = await Promise.all([claim.commit(), this.#remembered.add(this.#entity, id).catch(() => false)])
    return isCommitted
  }

  #keyOf(id: string): string {
    if (typeof id !== 'string' || id === '')
      throw new KeyError('The id of a record must be a text that is not empty.', { code: 'ERR_CACHE_KEY' })
    return `${this.#entity}:${id}`
  }
}

type Gathered<T, R> = { [K in keyof BatchOutcome<T, R>]: BatchOutcome<T, R>[K][number][] }

interface BatchParts<T, R> {
  readonly known: Set<string>
  readonly work: (record: T, context: WorkContext) => R | Promise<R>
  readonly batch: Gathered<T, R>
}

interface LeaseParts {
  readonly claim: ClaimedWork<undefined>
  readonly leaseMs: number
  /** Before it was claimed, so its time here is over before it is over in the store. */
  readonly askedAt: number
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>
}

/** Prolongs a lease for as long as the work runs, and says when it was lost: at the latest when its time is over by the clock of this process. */
class KeptLease {
  readonly #parts: LeaseParts
  readonly #lost = new AbortController()
  readonly #renewal: Timer
  #end: Timer
  #hasEnded = false

  constructor(parts: LeaseParts) {
    this.#parts = parts
    this.#renewal = parts.runtime.timers.every(parts.leaseMs / 3, () => void this.#extend())
    this.#end = this.#endAfter(parts.askedAt)
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  end(): void {
    this.#hasEnded = true
    this.#renewal.cancel()
    this.#end.cancel()
  }

  #endAfter(askedAt: number): Timer {
    const { leaseMs, runtime } = this.#parts
    return runtime.timers.after(Math.max(0, askedAt + leaseMs - runtime.clock.now()), () => this.#lose())
  }

  async #extend(): Promise<void> {
    const { claim, runtime } = this.#parts
    const askedAt = runtime.clock.now()
    // A store that cannot be asked has not said that it is lost: tried again until the time is over.
    const isKept = await claim.extend().catch(() => undefined)
    if (this.#hasEnded || isKept === undefined) return
    if (isKept) {
      this.#end.cancel()
      this.#end = this.#endAfter(askedAt)
    } else if (!claim.assumed) this.#lose()
  }

  #lose(): void {
    // What nobody granted cannot be lost: the work was told so.
    if (this.#hasEnded || this.#parts.claim.assumed) return
    this.end()
    this.#lost.abort(
      new AbortedError('The lease of the work was lost: somebody else may be at it.', { code: 'ERR_CACHE_ABORTED' }),
    )
  }
}

function contentHash(record: unknown): string {
  try {
    return canonicalDigest([record])
  } catch {
    throw new KeyError('The record has content that cannot be compared. Give `deduplication` an `id`.', {
      code: 'ERR_CACHE_KEY',
    })
  }
}
