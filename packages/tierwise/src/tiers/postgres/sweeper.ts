import type { PostgresSession } from '../../clients/postgres/port.ts'
import type { Timer } from '../../contract/runtime.ts'
import type { TierContext } from '../../contract/tier.ts'
import { SpaceMeter } from './space.ts'
import { namespaceOf } from './stored-key.ts'
import type { Tables } from './tables.ts'

const pagesPerStep = 512
const rowsPerStatement = 1000
/** Steps of one sweep while nothing presses: 256 MB of pages. */
const stepsPerSweep = 64
/** Eviction goes on until this share of the quota is in use. */
const lowMark = 0.9
/** While a sweep finds nothing, the next one comes later, up to this much. */
const longestPauseMs = 3_600_000
/** A claim further ahead than this many rhythms was made by a clock that is wrong. */
const longestClaim = 10

export interface SweeperOptions {
  readonly session: PostgresSession
  readonly tables: Tables
  readonly context: TierContext
  readonly maxBytes: number
  readonly rhythmMs: number
}

/** How much of the oldest still has to go in a sweep. */
class Eviction {
  readonly #oldest: number
  readonly #meanBytes: number
  #left: number

  constructor(plan: { readonly oldest: number | undefined; readonly excess: number; readonly meanBytes: number }) {
    this.#oldest = plan.oldest ?? -Infinity
    this.#left = plan.excess
    this.#meanBytes = Math.max(1, plan.meanBytes)
  }

  /** Records written up to then may go; when enough is gone, only what is expired. */
  get threshold(): number {
    return this.#left > 0 ? this.#oldest : -Infinity
  }

  /** Many records may have been written at the same moment, so a statement takes no more than are needed. */
  get rows(): number {
    if (this.threshold === -Infinity) return rowsPerStatement
    return Math.min(rowsPerStatement, Math.max(1, Math.ceil(this.#left / this.#meanBytes)))
  }

  note(bytes: number): void {
    this.#left -= bytes
  }
}

/**
 * The background work: removes what is expired and, when the quota is exceeded, what was written first.
 *
 * It walks the pages of the table a stretch at a time, in statements that remove at most a thousand rows and skip those
 * that somebody else holds. Expired records are invisible to readers all along, so nothing depends on when it comes by.
 * All processes share the page it has come to, and one of them at a time takes a turn.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  readonly #space: SpaceMeter
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  #isStopped = false
  #unmeasuredBytes = 0
  #pauseMs: number
  #removed = 0

  constructor(options: SweeperOptions) {
    this.#options = options
    this.#pauseMs = options.rhythmMs
    this.#space = new SpaceMeter(options.session, options.tables)
  }

  get space(): SpaceMeter {
    return this.#space
  }

  start(): void {
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#running
  }

  /** Counts what this process writes, and looks after the quota early when that is much. */
  noteWritten(bytes: number): void {
    this.#unmeasuredBytes += bytes
    if (this.#unmeasuredBytes < this.#options.maxBytes / 16 || this.#running !== undefined || this.#isStopped) return
    this.#timer?.cancel()
    this.#wake(() => this.#sweep())
  }

  #schedule(): void {
    const { context } = this.#options
    const pauseMs = this.#pauseMs * (0.5 + context.random())
    this.#timer = context.timers.after(pauseMs, () => this.#wake(() => this.#sweepInTurn()))
  }

  #wake(work: () => Promise<void>): void {
    const { context, rhythmMs } = this.#options
    this.#removed = 0
    this.#running = work()
      .catch((error: unknown) => {
        if (!this.#isStopped) context.report({ type: 'tier-error', tier: context.name, operation: 'clear', error })
      })
      .finally(() => {
        this.#running = undefined
        this.#pauseMs = this.#removed > 0 ? rhythmMs : Math.min(this.#pauseMs * 2, Math.max(rhythmMs, longestPauseMs))
        if (!this.#isStopped) this.#schedule()
      })
  }

  async #sweepInTurn(): Promise<void> {
    if (await this.#claimTurn()) await this.#sweep()
  }

  /** One process of all takes the turn of each rhythm. */
  async #claimTurn(): Promise<boolean> {
    const { session, tables, context, rhythmMs } = this.#options
    const now = Math.floor(context.clock.now())
    const rows = await session.query({
      text: `update ${tables.state} set value = $1::bigint + $2::bigint
where name = 'sweep_after' and (value <= $1::bigint or value > $1::bigint + $2::bigint * ${longestClaim})
returning value`,
      values: [now, Math.ceil(rhythmMs / 2)],
    })
    return rows.length > 0
  }

  async #sweep(): Promise<void> {
    const { session, tables, context, maxBytes } = this.#options
    const now = context.clock.now()
    this.#unmeasuredBytes = 0
    await session.query({ text: `delete from ${tables.floors} where ends <= $1::float8`, values: [now] })
    const space = await this.#space.measure(now)
    const { pages, entries, liveBytes, heldBytes } = space
    const excess = liveBytes > maxBytes ? liveBytes - maxBytes * lowMark : 0
    const oldest = excess > 0 ? await this.#space.oldestWorth(excess, { pages, now }) : undefined
    const eviction = new Eviction({ oldest, excess, meanBytes: liveBytes / Math.max(1, entries) })
    const steps = Math.ceil(pages / pagesPerStep)
    await this.#walk({ pages, steps: heldBytes > maxBytes ? steps : Math.min(steps, stepsPerSweep) }, eviction)
  }

  async #walk({ pages, steps }: { readonly pages: number; readonly steps: number }, eviction: Eviction): Promise<void> {
    let page = await this.#hand()
    for (let step = 0; step < steps && !this.#isStopped; step++) {
      if (page >= pages) page = 0
      await this.#clean(page, eviction)
      page += pagesPerStep
    }
    await this.#moveHand(page)
  }

  /** Removes all there is to remove in a stretch of pages. */
  async #clean(page: number, eviction: Eviction): Promise<void> {
    for (;;) {
      const limit = eviction.rows
      const count = await this.#removeSome(page, eviction)
      if (count < limit || this.#isStopped) return
    }
  }

  async #removeSome(page: number, eviction: Eviction): Promise<number> {
    const { session, tables, context } = this.#options
    const rows = await session.query({
      name: `tierwise_sweep_${tables.digest}`,
      text: `delete from ${tables.entries} where ctid = any(array(
  select ctid from ${tables.entries}
  where ctid >= $1::text::tid and ctid < $2::text::tid
    and (ends <= $3::float8 or (bytes is not null and written <= $4::float8))
  limit $5::int
  for update skip locked
))
returning ends <= $3::float8 as is_expired, bytes is null as is_mark, size, key`,
      values: [`(${page},0)`, `(${page + pagesPerStep},0)`, context.clock.now(), eviction.threshold, eviction.rows],
    })
    const expired = rows.filter((row) => row['is_mark'] === false && row['is_expired'] === true)
    const evicted = rows.filter((row) => row['is_mark'] === false && row['is_expired'] === false)
    eviction.note(evicted.reduce((sum, row) => sum + Number(row['size']), 0))
    this.#report('expired', namespacesOf(expired))
    this.#report('capacity', namespacesOf(evicted))
    this.#removed += rows.length
    return rows.length
  }

  #report(reason: 'expired' | 'capacity', namespaces: readonly string[]): void {
    const { context } = this.#options
    const counts = new Map<string, number>()
    for (const namespace of namespaces) counts.set(namespace, (counts.get(namespace) ?? 0) + 1)
    for (const [namespace, count] of counts) {
      context.report({ type: 'evict', tier: context.name, namespace, reason, count })
    }
  }

  async #hand(): Promise<number> {
    const { session, tables } = this.#options
    const [row] = await session.query({ text: `select value from ${tables.state} where name = 'sweep_page'` })
    return Number(row?.['value'] ?? 0)
  }

  async #moveHand(page: number): Promise<void> {
    const { session, tables } = this.#options
    await session.query({
      text: `update ${tables.state} set value = $1::bigint where name = 'sweep_page'`,
      values: [page],
    })
  }
}

function namespacesOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  return rows.map((row) => namespaceOf((row['key'] as Buffer).toString()))
}
