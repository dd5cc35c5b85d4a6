import type { PostgresPort, PostgresSession } from '../../../clients/postgres/port.ts'
import type { TierContext } from '../../../contract/tier.ts'
import { TierError } from '../../../errors.ts'
import { recordTable } from './refresh-record.ts'
import { microseconds, serverTime } from './server-time.ts'

/** What came of a refresh. */
export interface ViewRefresh {
  /** Schema and name of the view, quoted where necessary. */
  readonly view: string
  /** The rows are as of this instant, by the clock of the server. */
  readonly refreshedAt: Date
  readonly durationMs: number
  /** False when another instance refreshed the view, after it was asked for here. */
  readonly isOwn: boolean
  /** Whether the view could be read meanwhile; undefined when another instance did it. */
  readonly isConcurrent: boolean | undefined
}

/** What came of a look at whether a refresh is due. */
export interface DueLook {
  /** Milliseconds until the view is due again; undefined while another instance is at it. */
  readonly dueInMs: number | undefined
}

export interface RefresherParts {
  readonly context: TierContext
  readonly port: PostgresPort
  readonly schema: string
  readonly timeoutMs: number
}

interface Recorded {
  readonly now: number
  readonly refreshed: number | undefined
  readonly durationMs: number
}

const lockText = 'hashtextextended($1::text, 7205)'

/**
 * Refreshes one view, never twice at once in the whole fleet: an advisory lock of the transaction lets one instance
 * through, which also writes down when it started, by the clock of the server. Lock, refresh and record end together, so
 * an instance that dies leaves nothing behind.
 */
export class ViewRefresher {
  readonly view: string
  readonly #parts: RefresherParts
  #running: Promise<ViewRefresh> | undefined
  #next: Promise<ViewRefresh> | undefined
  #backend: number | undefined
  #isClosed = false
  readonly #work = new Set<Promise<unknown>>()

  constructor(view: string, parts: RefresherParts) {
    this.view = view
    this.#parts = parts
  }

  /** Resolves once the view was refreshed after this call. Calls that come while one runs share the next. */
  refresh(): Promise<ViewRefresh> {
    if (this.#running === undefined) return this.#start()
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#start()
      })
    return this.#next
  }

  /** Refreshes the view if its last refresh is `everyMs` ago and nobody is at it. */
  async refreshIfDue(everyMs: number): Promise<DueLook> {
    const look = await this.#run(async (session): Promise<DueLook | ViewRefresh> => {
      const [row] = await session.query({
        text: `select pg_try_advisory_xact_lock(${lockText}) as mine`,
        values: [this.view],
      })
      if (row?.['mine'] !== true) return { dueInMs: undefined }
      const { now, refreshed } = await this.#recorded(session)
      const age = refreshed === undefined ? Infinity : (now - refreshed) / 1000
      if (age < everyMs) return { dueInMs: everyMs - age }
      return this.#refresh(session)
    })
    if (!('view' in look)) return look
    this.#tellDone(look)
    return { dueInMs: Math.max(0, everyMs - look.durationMs) }
  }

  /** Cancels a refresh that runs here and waits for its end. */
  async close(): Promise<void> {
    this.#isClosed = true
    const { port } = this.#parts
    // PGlite has one connection: the cancellation would wait for what it is to cancel.
    if (this.#backend !== undefined && port.package !== 'pglite')
      await port.query({ text: 'select pg_cancel_backend($1::int)', values: [this.#backend] }).catch(() => undefined)
    await Promise.allSettled(this.#work)
  }

  #start(): Promise<ViewRefresh> {
    const running = this.#run((session) => this.#refreshNow(session))
      .then((refresh) => {
        if (refresh.isOwn) this.#tellDone(refresh)
        return refresh
      })
      .finally(() => {
        if (this.#running === running) this.#running = undefined
      })
    this.#running = running
    return running
  }

  async #refreshNow(session: PostgresSession): Promise<ViewRefresh> {
    const asked = await serverTime(session)
    await session.query({ text: `select pg_advisory_xact_lock(${lockText})`, values: [this.view] })
    const { refreshed, durationMs } = await this.#recorded(session)
    if (refreshed === undefined || refreshed < asked) return this.#refresh(session)
    return { view: this.view, refreshedAt: dateOf(refreshed), durationMs, isOwn: false, isConcurrent: undefined }
  }

  async #refresh(session: PostgresSession): Promise<ViewRefresh> {
    const isConcurrent = await this.#canBeConcurrent(session)
    const started = await serverTime(session)
    this.#tell(
      'view-refreshing',
      `${this.view} is being refreshed${isConcurrent ? '' : ', and cannot be read meanwhile'}.`,
    )
    await session.query({ text: `refresh materialized view ${isConcurrent ? 'concurrently ' : ''}${this.view}` })
    const durationMs = ((await serverTime(session)) - started) / 1000
    await session.query({
      text: `insert into ${recordTable(this.#parts.schema)} as held (view_name, refreshed_at, duration_ms)
values ($1::text, to_timestamp($2::bigint / 1000000) + ($2::bigint % 1000000) * interval '1 microsecond', $3::float8)
on conflict (view_name) do update set refreshed_at = excluded.refreshed_at, duration_ms = excluded.duration_ms`,
      values: [this.view, String(started), durationMs],
    })
    return { view: this.view, refreshedAt: dateOf(started), durationMs, isOwn: true, isConcurrent }
  }

  /** It needs rows to compare with, and a unique index on plain columns of all rows to compare by. */
  async #canBeConcurrent(session: PostgresSession): Promise<boolean> {
    const [row] = await session.query({
      text: `select c.relispopulated as populated, exists (
  select from pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
    and i.indpred is null and i.indexprs is null) as unique_index
from pg_class c where c.oid = to_regclass($1::text)`,
      values: [this.view],
    })
    if (row?.['populated'] !== true) return false
    if (row['unique_index'] !== true)
      this.#tell(
        'view-refresh-blocks',
        `${this.view} has no unique index on plain columns, so a refresh keeps readers waiting.`,
      )
    return row['unique_index'] === true
  }

  async #recorded(session: PostgresSession): Promise<Recorded> {
    const [row] = await session.query({
      text: `select ${microseconds('clock_timestamp()')}::text as now, held.*
from (values (true)) as always left join (
  select ${microseconds('refreshed_at')}::text as refreshed, duration_ms from ${recordTable(this.#parts.schema)}
  where view_name = $1::text) as held on true`,
      values: [this.view],
    })
    const refreshed = row?.['refreshed']
    return {
      now: Number(row?.['now']),
      refreshed: refreshed === null || refreshed === undefined ? undefined : Number(refreshed),
      durationMs: Number(row?.['duration_ms'] ?? 0),
    }
  }

  async #run<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    const { port, timeoutMs } = this.#parts
    const running = port.transaction(async (session) => {
      // In a stricter isolation the refresh would see what was there when the transaction began.
      await session.query({ text: 'set transaction isolation level read committed' })
      const [row] = await session.query({
        text: "select pg_backend_pid() as backend, set_config('statement_timeout', $1::text, true) as timeout",
        values: [String(Math.min(Math.ceil(timeoutMs), 2 ** 31 - 1))],
      })
      if (this.#isClosed) throw new Error('the tier was closed')
      this.#backend = Number(row?.['backend'])
      try {
        return await work(session)
      } finally {
        this.#backend = undefined
      }
    })
    this.#work.add(running)
    try {
      return await running
    } catch (error) {
      throw this.#failure(error)
    } finally {
      this.#work.delete(running)
    }
  }

  /** The server's message may repeat a value of a row; it is in the cause only. */
  #failure(cause: unknown): TierError {
    const { code } = (cause ?? {}) as { readonly code?: unknown }
    const state = typeof code === 'string' ? ` (${code})` : ''
    const hint =
      code === '42501' ? ' Only its owner may refresh it, from PostgreSQL 17 on also a role with MAINTAIN.' : ''
    return new TierError(`Refreshing ${this.view} failed${state}.${hint}`, {
      code: 'ERR_CACHE_VIEW_REFRESH',
      operation: 'refresh',
      tier: this.#parts.context.name,
      retryable: code !== '42501',
      cause,
    })
  }

  /** After the commit, when the rows can be read. */
  #tellDone({ durationMs }: ViewRefresh): void {
    this.#tell('view-refreshed', `${this.view} was refreshed in ${Math.round(durationMs)} ms.`)
  }

  #tell(notice: string, detail: string): void {
    const { context } = this.#parts
    context.report({ type: 'tier-notice', tier: context.name, notice, detail })
  }
}

function dateOf(us: number): Date {
  return new Date(us / 1000)
}
