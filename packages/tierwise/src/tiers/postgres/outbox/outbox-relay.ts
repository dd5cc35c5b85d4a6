import { withDeadline } from '../../../base/deadline.ts'
import type { PostgresPort, PostgresSubscription } from '../../../clients/postgres/port.ts'
import type { CacheManager } from '../../../contract/cache.ts'
import type { Runtime, Timer } from '../../../contract/runtime.ts'
import { CacheError } from '../../../errors.ts'
import type { Tables } from '../tables.ts'
import { channelOf } from './outbox-migrations.ts'
import { OutboxRows, type OutboxBacklog, type OutboxRow } from './outbox-rows.ts'
import { pauseAfter, Pauses } from './pauses.ts'
import type { OutboxNotice, RelaySettings } from './relay-options.ts'
import { deliver } from './row-delivery.ts'

const firstPauseMs = 500
/** How long stopping waits for what is under way. */
const longestStopMs = 5000

/** What is in the outbox, and what this relay has done since it was started. */
export interface OutboxStats extends OutboxBacklog {
  /** Rows that it has delivered. */
  readonly delivered: number
  /** Deliveries of a row that failed; a row that is tried again counts again. */
  readonly failed: number
}

/** A running relay. It ends with its manager, with its outbox, or when it is stopped. */
export interface OutboxRelay extends AsyncDisposable {
  stats(): Promise<OutboxStats>
  /** Ends once the rows that it has taken are dealt with. Idempotent; leaves no timer and no connection of its own. */
  stop(): Promise<void>
}

export interface RelayParts {
  readonly port: PostgresPort
  readonly tables: Tables
  readonly manager: CacheManager
  readonly settings: RelaySettings
  readonly runtime: Runtime
  readonly onStopped: () => void
}

/**
 * Takes rows, delivers them, and removes those that were delivered, for as long as there are any; then waits to be woken,
 * and looks again after the interval even if it is not. One turn at a time, so what is written meanwhile travels together.
 *
 * A namespace whose tiers cannot be reached is left alone for a while, longer each time; rows of others go on.
 */
export class TableRelay implements OutboxRelay {
  readonly #parts: RelayParts
  readonly #rows: OutboxRows
  readonly #pauses: Pauses
  #delivered = 0
  #failed = 0
  #failures = 0
  #isWoken = false
  #isStopped = false
  #running: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #timer: Timer | undefined
  #subscription: PostgresSubscription | undefined
  #leaveManager: () => void = () => undefined

  constructor(parts: RelayParts) {
    const { port, tables, runtime } = parts
    this.#parts = parts
    this.#rows = new OutboxRows(port, tables)
    this.#pauses = new Pauses({ clock: runtime.clock, random: runtime.random, firstMs: firstPauseMs })
  }

  /** Resolves when the relay hears of commits from now on, or knows that it cannot. */
  async start(): Promise<void> {
    const { manager, settings } = this.#parts
    this.#leaveManager = manager.on('lifecycle', ({ state }) => {
      if (state === 'stopping') void this.stop()
    })
    this.#wake()
    if (settings.listen) await this.#listen()
  }

  async stats(): Promise<OutboxStats> {
    return { ...(await this.#rows.backlog()), delivered: this.#delivered, failed: this.#failed }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    this.#isStopped = true
    this.#leaveManager()
    this.#timer?.cancel()
    const { timers } = this.#parts.runtime
    // A server that has fallen silent must not keep the process from ending.
    const ended = Promise.all([this.#subscription?.close(), this.#running])
    await withDeadline(ended, longestStopMs, { timers, error: () => new Error('late') }).catch(() => undefined)
    this.#parts.onStopped()
  }

  async #listen(): Promise<void> {
    const wake = (): void => this.#wake()
    const { port, tables } = this.#parts
    try {
      // What was told while nobody heard is found by looking.
      const subscription = await port.listen(channelOf(tables), { onMessage: wake, onGap: wake })
      this.#subscription = subscription
      if (this.#isStopped) await subscription.close()
      // A row may have been committed after the first look and before LISTEN.
      this.#wake()
    } catch (error) {
      this.#tell({ notice: 'deaf', detail: 'LISTEN failed, so the outbox is only looked at now and then.', error })
    }
  }

  #wake(): void {
    this.#isWoken = true
    if (this.#isStopped) return
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    this.#timer?.cancel()
    while (this.#isWoken && !this.#isStopped) {
      this.#isWoken = false
      try {
        await this.#drain()
        this.#failures = 0
      } catch (error) {
        this.#failures++
        this.#tell({ notice: 'failed', detail: 'The outbox could not be read or written.', error })
      }
    }
    this.#running = undefined
    if (!this.#isStopped) this.#timer = this.#parts.runtime.timers.after(this.#nextMs(), () => this.#wake())
  }

  #nextMs(): number {
    const { settings, runtime } = this.#parts
    if (this.#failures > 0) return pauseAfter(this.#failures, firstPauseMs, runtime.random)
    return Math.min(settings.pollMs, this.#pauses.nextMs)
  }

  async #drain(): Promise<void> {
    const { batchSize: limit, leaseMs } = this.#parts.settings
    while (!this.#isStopped) {
      const rows = await this.#rows.claim({ limit, leaseMs, except: this.#pauses.current })
      if (rows.length > 0) await this.#handle(rows)
      if (rows.length < limit) return
    }
  }

  async #handle(rows: readonly OutboxRow[]): Promise<void> {
    const outcomes = await deliver(this.#parts.manager, rows)
    const delivered = rows.filter((row) => outcomes.get(row) === undefined)
    const held = rows.filter((row) => outcomes.get(row)?.isOutage === true)
    const refused = rows.filter((row) => outcomes.get(row)?.isOutage === false)
    this.#failed += held.length + refused.length
    for (const namespace of namespacesOf(delivered)) this.#pauses.succeeded(namespace)
    for (const namespace of namespacesOf(held)) this.#pauses.failed(namespace)
    if (delivered.length > 0) await this.#rows.remove(idsOf(delivered))
    this.#delivered += delivered.length
    if (held.length > 0) await this.#rows.release(idsOf(held))
    for (const row of refused) await this.#noteRefusal(row, outcomes.get(row)?.error)
    const [first] = held
    if (first !== undefined) this.#noteOutage(namespacesOf(held), outcomes.get(first)?.error)
  }

  #noteOutage(namespaces: readonly string[], error: unknown): void {
    const detail = `Rows of ${namespaces.join(', ')} could not be delivered; they stay.`
    this.#tell({ notice: 'failed', detail, error })
    if (error instanceof CacheError && error.code === 'ERR_CACHE_STOPPED') void this.stop()
  }

  async #noteRefusal(row: OutboxRow, error: unknown): Promise<void> {
    const { settings, runtime } = this.#parts
    const attempts = row.attempts + 1
    const isOver = attempts >= settings.maxAttempts
    const pauseMs = isOver ? undefined : pauseAfter(attempts, firstPauseMs, runtime.random)
    await this.#rows.noteFailure(row.id, reasonOf(error), pauseMs)
    if (!isOver) return
    const { id, namespace } = row
    const detail = `Row ${id} of namespace ${namespace} was set aside after ${attempts} tries.`
    this.#tell({ notice: 'set-aside', detail, row: { id, namespace }, error })
  }

  #tell(notice: OutboxNotice): void {
    // What fails because of the end is no news.
    if (this.#isStopped && notice.notice !== 'set-aside') return
    try {
      this.#parts.settings.onNotice(notice)
    } catch {
      // Whoever is told cannot break the delivery.
    }
  }
}

function idsOf(rows: readonly OutboxRow[]): string[] {
  return rows.map(({ id }) => id)
}

function namespacesOf(rows: readonly OutboxRow[]): string[] {
  return [...new Set(rows.map(({ namespace }) => namespace))]
}

/** Errors of this library say nothing secret; of others only the kind is kept in the table. */
function reasonOf(error: unknown): string {
  if (error instanceof CacheError) return `${error.code}: ${error.message}`.slice(0, 500)
  return error instanceof Error ? error.name : 'unknown'
}
