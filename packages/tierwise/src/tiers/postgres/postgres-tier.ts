import { applyMigrations } from '../../clients/postgres/migrations/apply-migrations.ts'
import type { PostgresPort } from '../../clients/postgres/port.ts'
import type { Bus } from '../../contract/bus.ts'
import type { Timer } from '../../contract/runtime.ts'
import type {
  Decode,
  Tier,
  TierCapabilities,
  TierContext,
  TierOpening,
  TierRecord,
  TierUsage,
  WriteOutcome,
} from '../../contract/tier.ts'
import { postgresBus, type PostgresBus } from './bus/postgres-bus.ts'
import { closedFailure, tierFailure, type TierOperationName } from './failures.ts'
import { migrationsOf } from './migrations.ts'
import { PrefixPages } from './prefix-pages.ts'
import { RecordReads } from './record-reads.ts'
import { RecordWrites, sizeOf, type Deletion } from './record-writes.ts'
import { ServerClock } from './server-clock.ts'
import { StatementQueue } from './statement-queue.ts'
import { keyHash, namespaceOf, type KeyHash } from './stored-key.ts'
import { Sweeper } from './sweeper.ts'
import type { Tables } from './tables.ts'
import { PostgresTagStore } from './tag-store.ts'

/** A record may take this share of the quota; larger ones would push everything else out. */
const largestShare = 1 / 8
/** What a statement of one record is allowed; its answer travels as text of twice the size. */
const largestRecord = 64 * 1024 * 1024
const mostReads = { items: 500, bytes: Infinity }
const mostWrites = { items: 1000, bytes: 8 * 1024 * 1024 }
/** How long closing waits for what is under way. */
const longestCloseMs = 5000
const versionSampleRows = 100_000

export interface PostgresTierSettings {
  readonly tables: Tables
  readonly logged: boolean
  readonly migrate: boolean
  readonly maxBytes: number
  readonly sweepMs: number
  readonly isShared: boolean
  readonly isDurable: boolean
  /** Whether changes are announced. */
  readonly announces: boolean
  /** Statements of a kind that may run at the same time. */
  readonly statementsAtOnce: number
  readonly connect: (context: TierContext) => Promise<PostgresPort>
  readonly hashOf?: KeyHash
}

/** Everything that exists while the tier is open. */
interface OpenParts {
  readonly port: PostgresPort
  readonly reads: StatementQueue<string, Uint8Array | undefined>
  readonly writes: StatementQueue<TierRecord, WriteOutcome>
  readonly deletions: StatementQueue<Deletion, boolean>
  readonly pages: PrefixPages
  readonly sweeper: Sweeper
}

/** The key-value tier on a table of PostgreSQL: few statements, each for all that was asked in a tick. */
export class PostgresTier implements Tier {
  readonly sync = false
  readonly capabilities: TierCapabilities
  readonly tags: PostgresTagStore
  readonly bus?: Bus
  readonly #settings: PostgresTierSettings
  readonly #context: TierContext
  readonly #serverClock: ServerClock
  readonly #telling: PostgresBus | undefined
  #opening: Promise<TierOpening> | undefined
  #closing: Promise<void> | undefined
  #parts: OpenParts | undefined
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(settings: PostgresTierSettings, context: TierContext) {
    this.#settings = settings
    this.#context = context
    this.#serverClock = new ServerClock(context.clock)
    const { isShared, isDurable, tables } = settings
    this.capabilities = { shared: isShared, durable: isDurable, versions: true, scan: true, bytes: true, tags: true }
    this.#telling = settings.announces
      ? postgresBus({ tables, context, port: () => this.#open('listen').port })
      : undefined
    if (this.#telling !== undefined) this.bus = this.#telling.bus
    this.tags = new PostgresTagStore({
      tables,
      scope: context.prefix,
      announcer: this.#telling?.announcer,
      session: () => this.#open('tags').port,
      guarded: (work) => this.#guard('tags', work),
    })
  }

  get clockOffsetMs(): number | undefined {
    return this.capabilities.shared ? this.#serverClock.offsetMs : undefined
  }

  open(): Promise<TierOpening> {
    this.#opening ??= this.#start().catch((error: unknown) => {
      this.#opening = undefined
      throw tierFailure(this.#context.name, 'open', error)
    })
    return this.#opening
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop().finally(() => (this.#closing = undefined))
    return this.#closing
  }

  get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]> {
    return this.#guard('get', async () => {
      const found = await this.#open('get').reads.add(keys)
      return found.map((bytes, index) => bytes && decode(bytes, index))
    })
  }

  set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[]> {
    return this.#guard('set', async () => {
      const { writes, sweeper } = this.#open('set')
      const accepted = records.filter((record) => this.#isStorable(record))
      const outcomes = await writes.add(accepted)
      sweeper.noteWritten(accepted.reduce((sum, record) => sum + sizeOf(record), 0))
      let next = 0
      return records.map((record) => (record === accepted[next] ? (outcomes[next++] ?? 'refused') : 'refused'))
    })
  }

  delete(keys: readonly string[], version: number): Promise<readonly boolean[]> {
    return this.#guard('delete', () => this.#open('delete').deletions.add(keys.map((key) => ({ key, version }))))
  }

  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    const { pages } = this.#open('scan')
    const visited = pages.visit(prefix, () => this.#context.clock.now())
    let index = 0
    for (;;) {
      const page = await this.#guard('scan', async () => {
        this.#open('scan')
        return visited.next()
      })
      if (page.done === true) return
      for (const bytes of page.value) {
        const value = decode(bytes, index)
        if (value === undefined) continue
        index++
        yield value
      }
    }
  }

  clear(prefix: string, version: number): Promise<void> {
    return this.#guard('clear', () =>
      this.#open('clear').pages.clear(prefix, { version, now: this.#context.clock.now() }),
    )
  }

  usage(): Promise<TierUsage> {
    return this.#guard('usage', async () => {
      const { entries, liveBytes } = await this.#open('usage').sweeper.space.measure(this.#context.clock.now())
      return { entries, bytes: liveBytes, maxBytes: this.#settings.maxBytes }
    })
  }

  async #start(): Promise<TierOpening> {
    await this.#closing
    const { tables, logged, maxBytes, sweepMs, connect } = this.#settings
    const context = this.#context
    const port = await connect(context)
    try {
      await port.connect()
      await applyMigrations(port, {
        tables,
        tier: context.name,
        mayMigrate: this.#settings.migrate,
        migrations: migrationsOf(tables, { logged }),
        textFrom: 'postgresMigrations()',
      })
      await this.#reportKind(port)
      if (this.capabilities.shared) await this.#serverClock.measure(port)
      const highestVersion = await this.#highestVersion(port)
      const sweeper = new Sweeper({ session: port, tables, context, maxBytes, rhythmMs: sweepMs })
      this.#parts = { port, pages: new PrefixPages(port, tables), sweeper, ...this.#queues(port) }
      sweeper.start()
      return { highestVersion }
    } catch (error) {
      await port.close().catch(() => undefined)
      throw error
    }
  }

  #queues(port: PostgresPort): Pick<OpenParts, 'reads' | 'writes' | 'deletions'> {
    const { tables, hashOf = keyHash, statementsAtOnce: atOnce } = this.#settings
    const now = (): number => this.#context.clock.now()
    const reads = new RecordReads(port, { tables, hashOf })
    const writes = new RecordWrites(port, { tables, hashOf, announcer: this.#telling?.announcer })
    return {
      reads: new StatementQueue({
        run: (keys) => reads.read(keys, now()),
        atOnce,
        most: mostReads,
        bytesOf: () => 0,
      }),
      writes: new StatementQueue({
        run: (records) => writes.put(records, now()),
        atOnce,
        most: mostWrites,
        bytesOf: ({ bytes }) => bytes.length,
      }),
      deletions: new StatementQueue({
        run: (deletions) => writes.delete(deletions, now()),
        atOnce,
        most: mostWrites,
        bytesOf: ({ key }) => key.length,
      }),
    }
  }

  /** The newest of a small table; a large one is not read through for it, and the clock of the server has to do. */
  async #highestVersion(port: PostgresPort): Promise<number> {
    const { entries } = this.#settings.tables
    const [row] = await port.query({
      text: `select count(*)::int as rows, max(version) as version
from (select version from ${entries} limit ${versionSampleRows}) as first_rows`,
    })
    return Number(row?.['rows']) < versionSampleRows ? Number(row?.['version'] ?? 0) : 0
  }

  /** Tables are not rebuilt because an option changed. */
  async #reportKind(port: PostgresPort): Promise<void> {
    const { tables, logged } = this.#settings
    const [row] = await port.query({
      text: 'select relpersistence::text as kind from pg_class where oid = $1::text::regclass',
      values: [tables.entries],
    })
    if ((row?.['kind'] === 'p') === logged) return
    const [wanted, change] = logged ? ['logged', 'set logged'] : ['unlogged', 'set unlogged']
    this.#context.report({
      type: 'tier-notice',
      tier: this.#context.name,
      notice: 'table-kind',
      detail: `The table ${tables.entries} is not ${wanted}; to change it run: alter table ${tables.entries} ${change}`,
    })
  }

  async #stop(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    const parts = this.#parts
    await this.bus?.stop()
    this.#opening = undefined
    this.#parts = undefined
    if (parts === undefined) return
    await this.#inTime(Promise.allSettled([parts.sweeper.stop(), ...this.#underWay]))
    await parts.port.close()
  }

  /** A server that has fallen silent must not keep the process from ending. */
  async #inTime(work: Promise<unknown>): Promise<void> {
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => {
      timer = this.#context.timers.after(longestCloseMs, resolve)
    })
    await Promise.race([work, late])
    timer?.cancel()
  }

  #open(operation: string): OpenParts {
    if (this.#parts !== undefined) return this.#parts
    throw closedFailure(this.#context.name, operation)
  }

  /** Runs an operation to its end, also when the tier is closed meanwhile; its failures are those of the tier. */
  async #guard<T>(operation: TierOperationName, work: () => Promise<T>): Promise<T> {
    const running = work()
    this.#underWay.add(running)
    try {
      return await running
    } catch (error) {
      throw tierFailure(this.#context.name, operation, error)
    } finally {
      this.#underWay.delete(running)
    }
  }

  #isStorable(record: TierRecord): boolean {
    if (sizeOf(record) <= Math.min(this.#settings.maxBytes * largestShare, largestRecord)) return true
    const { name: tier } = this.#context
    this.#context.report({ type: 'evict', tier, namespace: namespaceOf(record.key), reason: 'too-large', count: 1 })
    return false
  }
}
