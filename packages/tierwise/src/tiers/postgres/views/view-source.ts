import type { PostgresPort, PostgresRow } from '../../../clients/postgres/port.ts'
import type { Envelope } from '../../../contract/codec.ts'
import type { Timer } from '../../../contract/runtime.ts'
import type { Decode, TierContext } from '../../../contract/tier.ts'
import { Invalidations } from './invalidations.ts'
import type { ViewShape } from './view-catalog.ts'
import { readShape } from './view-catalog.ts'
import type { ViewSettings } from './view-options.ts'
import { serverTime } from './server-time.ts'
import { pageRows, viewStatements, type ViewStatements } from './view-statements.ts'

/** What a view of an open tier works with. */
export interface SourceParts {
  readonly context: TierContext
  readonly port: PostgresPort
  readonly envelope: Envelope
  readonly schema: string
}

/** A row and when it came to be. */
interface Found {
  readonly row: PostgresRow
  readonly refreshed: number
  /** Epoch milliseconds of this process. */
  readonly createdAt: number
}

interface Asked {
  readonly key: string
  readonly parts: readonly string[]
  readonly resolve: (found: Found | undefined) => void
  readonly reject: (error: unknown) => void
}

interface Answer {
  readonly rows: readonly PostgresRow[]
  readonly refreshed: number
  readonly createdAt: number
}

/** Keys one statement asks for at most. */
const chunkKeys = 1000
const mostInvalidations = 50_000
const stampAfterMs = 100

/** SQLSTATE: the view was created with no data and has not been refreshed yet. */
const notPopulated = '55000'
const stalePlan = new Set(['0A000', '42P01', '42703', '26000'])

/** One view that answers for one namespace. Reads of one tick travel together. */
export class ViewSource {
  readonly settings: ViewSettings
  readonly #tier: string
  readonly #invalidations = new Invalidations(mostInvalidations)
  #parts: SourceParts | undefined
  #shape: ViewShape | undefined
  #statements: ViewStatements | undefined
  #asked: Asked[] = []
  #stamping: Timer | undefined
  /** The server's clock when the tier was opened: what rows are as old as while no refresh was recorded. */
  #firstSeen = 0
  /** A refresh and its time by the clock of this process, which is worked out once so that it stays the same. */
  #known = { refreshed: -1, createdAt: 0 }
  #hasToldDuplicates = false

  constructor(settings: ViewSettings, tier: string) {
    this.settings = settings
    this.#tier = tier
  }

  async open(parts: SourceParts): Promise<void> {
    await this.#look(parts)
    this.#firstSeen = await serverTime(parts.port)
    this.#parts = parts
  }

  /** Schema and name of the view, quoted. */
  get relation(): string {
    return this.#shape?.relation ?? ''
  }

  close(): void {
    this.#stamping?.cancel()
    this.#parts = undefined
  }

  invalidate(key: string): void {
    this.#stampSoon()
    if (this.#invalidations.note(key)) return
    this.#parts?.context.report({
      type: 'tier-notice',
      tier: this.#tier,
      notice: 'view-distrusted',
      detail: `${this.relation} is not read until its next refresh: more than ${mostInvalidations} of its keys were invalidated since the last one.`,
    })
  }

  invalidateAll(): void {
    this.#stampSoon()
    this.#invalidations.noteAll()
  }

  /** Learns when what was invalidated until now was, by the clock of the server; a refresh after this is newer. */
  async stamp(): Promise<void> {
    if (!this.#invalidations.hasUnsent) return
    const { port } = this.#open()
    const sent = this.#invalidations.send()
    try {
      this.#invalidations.answered(sent, await serverTime(port), 0)
    } catch (error) {
      this.#invalidations.lost(sent)
      throw error
    }
  }

  /** The row of a key as `decode` makes it; undefined when there is none that may be answered. */
  async read<T>(key: string, storageKey: string, decode: (bytes: Uint8Array) => T | undefined): Promise<T | undefined> {
    const parts = this.#split(key)
    if (parts === undefined) return undefined
    const found = await new Promise<Found | undefined>((resolve, reject) => {
      // Not a microtask: reads that follow each other through a few of them still travel together.
      if (this.#asked.length === 0) process.nextTick(() => this.#flush())
      this.#asked.push({ key, parts, resolve, reject })
    })
    if (found === undefined || this.#invalidations.cover(key, found.refreshed)) return undefined
    const bytes = this.#frame(storageKey, found)
    return bytes && decode(bytes)
  }

  /** Every row that may be answered and whose key starts with `prefix`. */
  async *scan<T>(prefix: string, storagePrefix: string, decode: Decode<T>): AsyncGenerator<T, void, undefined> {
    let index = 0
    for await (const { key, found } of this.#rows()) {
      if (!key.startsWith(prefix) || this.#invalidations.cover(key, found.refreshed)) continue
      const bytes = this.#frame(storagePrefix + key, found)
      const result = bytes && decode(bytes, index++)
      if (result !== undefined) yield result
    }
  }

  async usage(): Promise<{ readonly entries: number; readonly bytes: number }> {
    const { port } = this.#open()
    const [row] = await port.query({
      text: `select greatest(reltuples, 0)::bigint::text as entries, pg_total_relation_size(oid)::text as bytes
from pg_class where oid = to_regclass($1::text)`,
      values: [this.relation],
    })
    return { entries: Number(row?.['entries'] ?? 0), bytes: Number(row?.['bytes'] ?? 0) }
  }

  async #look(parts: SourceParts): Promise<void> {
    this.#shape = await readShape(parts.port, this.settings, this.#tier)
    this.#statements = viewStatements(this.#shape, parts.schema)
  }

  /** The next read would do it too, but a refresh may come before that. */
  #stampSoon(): void {
    if (this.#stamping !== undefined || this.#parts === undefined) return
    this.#stamping = this.#parts.context.timers.after(stampAfterMs, () => {
      this.#stamping = undefined
      // A failure leaves it to the next read.
      this.stamp().catch(() => undefined)
    })
  }

  #open(): SourceParts {
    if (this.#parts === undefined) throw new Error('The view was read before the tier was open')
    return this.#parts
  }

  #read(): ViewStatements {
    if (this.#statements === undefined) throw new Error('The view was read before the tier was open')
    return this.#statements
  }

  #split(key: string): readonly string[] | undefined {
    const { columns, parse } = this.settings.key
    const parts = parse(key)
    // PostgreSQL has no texts with a NUL.
    return parts?.length === columns.length && parts.every((part) => !part.includes('\0')) ? parts : undefined
  }

  /** Rows whose key cannot be one of the cache are not listed. */
  #join(parts: readonly string[]): string | undefined {
    const key = this.settings.key.format(parts)
    return key === '' || key.length > 4096 ? undefined : key
  }

  /** The rows by their key, page by page; several rows of one key come as one. */
  async *#rows(): AsyncGenerator<{ readonly key: string; readonly found: Found }, void, undefined> {
    const { columns } = this.settings.key
    let last: readonly string[] | undefined
    for (let isLast = false; !isLast;) {
      const { firstPage, nextPage } = this.#read()
      const answer = await this.#ask(last === undefined ? firstPage : nextPage, last ?? [])
      const rows = answer.rows.filter((row) => typeof row['k0'] === 'string')
      isLast = rows.length < pageRows
      for (const row of rows) {
        const parts = columns.map((_, column) => String(row[`k${column}`]))
        const isRepeated = last?.every((part, column) => part === parts[column]) === true
        const key = isRepeated ? undefined : this.#join(parts)
        last = parts
        if (key !== undefined) yield { key, found: { ...answer, row } }
      }
    }
  }

  #flush(): void {
    const asked = this.#asked
    this.#asked = []
    for (let from = 0; from < asked.length; from += chunkKeys) void this.#settle(asked.slice(from, from + chunkKeys))
  }

  async #settle(asked: readonly Asked[]): Promise<void> {
    try {
      const found = await this.#find(asked)
      for (const each of asked) each.resolve(found.get(each))
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }

  /**
   * A key that is no text of its column's type (`abc` for a year) fails the statement for all; it is found by halves, so
   * that one caller's key does not cost the others theirs.
   */
  async #find(asked: readonly Asked[]): Promise<Map<Asked, Found>> {
    try {
      return await this.#findAll(asked)
    } catch (error) {
      if (!sqlState(error).startsWith('22')) throw error
      if (asked.length === 1) return new Map()
      const half = asked.length >> 1
      const [first, second] = await Promise.all([this.#find(asked.slice(0, half)), this.#find(asked.slice(half))])
      return new Map([...first, ...second])
    }
  }

  async #findAll(asked: readonly Asked[]): Promise<Map<Asked, Found>> {
    const lists = this.settings.key.columns.map((_, column) => asked.map(({ parts }) => parts[column] ?? ''))
    const answer = await this.#ask(this.#read().read, lists)
    const found = new Map<Asked, Found>()
    const seen = new Set<Asked>()
    for (const row of answer.rows) {
      const each = asked[Number(row['n'] ?? 0) - 1]
      if (each === undefined) continue
      if (seen.has(each)) this.#tellDuplicates(found.delete(each))
      else found.set(each, { ...answer, row })
      seen.add(each)
    }
    return found
  }

  async #ask(
    statement: { readonly text: string; readonly name: string },
    values: readonly (string | readonly string[])[],
  ): Promise<Answer> {
    const parts = this.#open()
    const sent = this.#invalidations.send()
    const before = parts.context.clock.now()
    try {
      const rows = await parts.port.query({ ...statement, values: [...values, this.relation] })
      const now = Number(rows[0]?.['now'])
      const recorded = rows[0]?.['refreshed']
      const refreshed = recorded === null || recorded === undefined ? this.#firstSeen : Number(recorded)
      this.#invalidations.answered(sent, now, refreshed)
      return { rows, refreshed, createdAt: this.#createdAt(refreshed, before - (now - refreshed) / 1000) }
    } catch (error) {
      this.#invalidations.lost(sent)
      if (sqlState(error) === notPopulated) return { rows: [], refreshed: 0, createdAt: 0 }
      // The view was made anew, perhaps with other columns.
      if (stalePlan.has(sqlState(error))) await this.#look(parts).catch(() => undefined)
      throw error
    }
  }

  #createdAt(refreshed: number, estimate: number): number {
    if (this.#known.refreshed !== refreshed) this.#known = { refreshed, createdAt: estimate }
    return this.#known.createdAt
  }

  #frame(storageKey: string, { row, createdAt }: Found): Uint8Array | undefined {
    const { context, envelope } = this.#open()
    const { ttlMs, graceMs } = this.settings
    try {
      const value = this.#valueOf(row)
      if (value === undefined) return undefined
      const payload = envelope.encodeValue(value)
      const freshUntil = createdAt + ttlMs
      const life = { createdAt, freshUntil, usableUntil: freshUntil + graceMs }
      const rest = { tags: [], tagClock: Number.MAX_SAFE_INTEGER, loadMs: 0, sizeBytes: payload.byteLength }
      return envelope.frame(storageKey, { version: Math.floor(createdAt * 1000), ...life, ...rest }, payload)
    } catch (error) {
      context.report({ type: 'bad-record', tier: this.#tier, key: storageKey, reason: 'damaged', error })
      return undefined
    }
  }

  #valueOf(row: PostgresRow): unknown {
    const { value } = this.settings
    if (typeof value === 'string') return row['v0']
    const columns = this.#shape?.valueColumns ?? []
    const whole = Object.fromEntries(columns.map(({ name }, index) => [name, row[`v${index}`]]))
    return value === undefined ? whole : value(whole)
  }

  #tellDuplicates(isFirst: boolean): void {
    if (!isFirst || this.#hasToldDuplicates) return
    this.#hasToldDuplicates = true
    this.#open().context.report({
      type: 'tier-notice',
      tier: this.#tier,
      notice: 'view-not-unique',
      detail: `${this.relation} has several rows of one key; such keys count as absent. Make the columns of the key unique.`,
    })
  }
}

function sqlState(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? code : ''
}
