import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach } from 'vitest'

import { systemRuntime } from '../../../../src/base/runtime.ts'
import type { CacheManager } from '../../../../src/contract/cache.ts'
import type { CacheManagerOptions } from '../../../../src/contract/options.ts'
import type { Runtime } from '../../../../src/contract/runtime.ts'
import { createCacheManager } from '../../../../src/create-cache-manager.ts'
import { faultPlan, type FaultPlan } from '../../../../src/testing/fault-plan.ts'
import { faultTier } from '../../../../src/testing/fault-tier.ts'
import { mapTier } from '../../../../src/testing/map-tier.ts'
import { memory } from '../../../../src/tiers/memory/index.ts'
import {
  outboxSettings,
  TableOutbox,
  type InvalidationOutbox,
  type InvalidationOutboxOptions,
} from '../../../../src/tiers/postgres/outbox/invalidation-outbox.ts'
import type { OutboxTransaction } from '../../../../src/tiers/postgres/outbox/transaction-handle.ts'
import { serverUrl } from '../../../clients/postgres/server.ts'

export const kinds = ['pg', 'postgres', 'PGlite'] as const
export type Kind = (typeof kinds)[number]

/** An outbox in a schema of its own, the application's transactions, and SQL behind its back. */
export interface OutboxDatabase {
  readonly outbox: InvalidationOutbox
  /** What others connect with. */
  readonly options: InvalidationOutboxOptions
  readonly schema: string
  /** The quoted name of the table. */
  readonly table: string
  /** Runs work in a transaction, which is rolled back when it fails. */
  transaction(work: (tx: OutboxTransaction) => Promise<unknown>): Promise<unknown>
  run(sql: string): Promise<readonly Record<string, unknown>[]>
}

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** Ends with the test, those added last first. */
export function endLater(end: () => Promise<unknown>): void {
  ends.push(end)
}

let shared: Promise<PGlite> | undefined
afterAll(async () => (await shared)?.close())

/** Takes seconds on a busy machine, so the tests of a file share it: call it before the first of them. */
export function sharedPglite(): Promise<PGlite> {
  shared ??= PGlite.create()
  return shared
}

let schemas = 0

export async function openDatabase(
  kind: Kind,
  { runtime = systemRuntime(), ...more }: { runtime?: Runtime; table?: string } = {},
): Promise<OutboxDatabase> {
  const schema = `out "box" ${schemas++}`
  const { connection, transaction, run } = await connectionOf(kind)
  const options = { ...connection, schema, ...more }
  const outbox = new TableOutbox(outboxSettings(options), runtime)
  endLater(() => outbox.close())
  await outbox.migrate()
  const table = `"${schema.replaceAll('"', '""')}"."${more.table ?? 'outbox'}"`
  return { outbox, options, schema, table, transaction, run }
}

type Connected = Pick<OutboxDatabase, 'transaction' | 'run'> & { readonly connection: InvalidationOutboxOptions }

async function connectionOf(kind: Kind): Promise<Connected> {
  if (kind === 'PGlite') return overPglite()
  return kind === 'pg' ? overPg(await serverUrl()) : overPostgres(await serverUrl())
}

async function overPglite(): Promise<Connected> {
  const pglite = await sharedPglite()
  return {
    connection: { pglite },
    transaction: (work) => pglite.transaction(async (tx) => work(tx)),
    run: async (sql) => (await pglite.query<Record<string, unknown>>(sql)).rows,
  }
}

function overPg(url: string): Connected {
  const pool = new pg.Pool({ connectionString: url, max: 6 })
  endLater(() => pool.end())
  return {
    connection: { pool },
    transaction: async (work) => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await work(client)
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
    run: async (sql) => (await pool.query(sql)).rows as Record<string, unknown>[],
  }
}

function overPostgres(url: string): Connected {
  const sql = postgres(url, { onnotice: () => undefined, max: 6 })
  endLater(() => sql.end())
  return {
    connection: { sql },
    transaction: (work) => sql.begin((tx) => work(tx)),
    run: async (text) => (await sql.unsafe(text)) as unknown as Record<string, unknown>[],
  }
}

export interface Listened {
  readonly manager: CacheManager
  /** What was invalidated, in order: `namespace/key`, and `namespace#tag`. */
  readonly invalidated: string[]
}

/** A manager that is stopped with the test. */
export function managerOf(options: Partial<CacheManagerOptions> = {}): Listened {
  const manager = createCacheManager({ tiers: [memory()], defaults: { ttl: 'forever' }, ...options })
  endLater(() => manager.stop())
  const invalidated: string[] = []
  manager.on('invalidate', ({ namespace, scope, targets }) => {
    const sign = scope === 'tags' ? '#' : '/'
    invalidated.push(...targets.map((target) => `${namespace}${sign}${target}`))
  })
  return { manager, invalidated }
}

/** A manager over memory and a store that fails on request. */
export function withStore(): Listened & { readonly faults: FaultPlan } {
  const faults = faultPlan()
  const store = faultTier({ ...mapTier(), name: 'store' }, faults)
  const guard = { breaker: { openFor: '50ms' } } as const
  const listened = managerOf({
    tiers: [memory(), store],
    tierTimeout: '30s',
    guards: { store: guard },
    namespaces: { local: { tiers: ['memory'] } },
  })
  return { ...listened, faults }
}

/** Polls, because the work ends in another process. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 10_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`It did not come about that ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export async function isEmpty({ outbox }: Pick<OutboxDatabase, 'outbox'>): Promise<boolean> {
  return (await outbox.backlog()).pending === 0
}
