import { randomUUID } from 'node:crypto'

import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'

import type { CoordinationStore } from '../../../src/contract/coordination.ts'
import { postgresCoordination, type PostgresCoordinationOptions } from '../../../src/coordination/postgres/index.ts'
import { coordinationNames } from '../../../src/coordination/postgres/names.ts'
import type { CoordinationWorld } from '../../../src/testing/coordination-conformance.ts'

/** A table that no other test has. */
export function freshTable(): string {
  return `t_${randomUUID().replaceAll('-', '').slice(0, 12)}`
}

type Query = (text: string) => Promise<unknown>

export interface WorldOptions {
  /** Whose rows are of no other test. */
  readonly table: string
  readonly query: Query
  /** Connections of the stores. */
  readonly handles: readonly PostgresCoordinationOptions[]
}

/** Stores on the real clock of the server, on tables that are made once and emptied. */
export async function realWorld({ table, query, handles: connections }: WorldOptions): Promise<CoordinationWorld> {
  const handles = connections.map((each) => postgresCoordination({ table, ...each }))
  await handles[0]?.open()
  const { entries, members } = coordinationNames('tierwise', table)
  await query(`truncate ${entries}, ${members}`)
  return { handles, stop: () => closeAll(handles) }
}

/** As `realWorld`, with a clock of the server that stands still unless it is moved. */
export async function stillWorld(options: WorldOptions): Promise<CoordinationWorld> {
  const world = await realWorld(options)
  const { advance } = await stillClock(options.query, options.table)
  return { ...world, advance }
}

export interface StillClock {
  readonly advance: (ms: number) => Promise<void>
}

/** Has the functions of a store take the time from a table. */
export async function stillClock(query: Query, table: string): Promise<StillClock> {
  const { fn } = coordinationNames('tierwise', table)
  await query(`create table if not exists ${fn('clock')} as select 1767225600000::bigint as now`)
  await query(`create or replace function ${fn('now')}() returns bigint language sql volatile
as $$ select now from ${fn('clock')} $$`)
  return { advance: async (ms) => void (await query(`update ${fn('clock')} set now = now + ${Math.trunc(ms)}`)) }
}

export function poolOf(url: string, max = 4): pg.Pool {
  return new pg.Pool({ connectionString: url, max })
}

export function sqlOf(url: string): postgres.Sql {
  return postgres(url, { onnotice: () => undefined, max: 4 })
}

export function newPglite(): Promise<PGlite> {
  return PGlite.create()
}

async function closeAll(handles: readonly CoordinationStore[]): Promise<void> {
  for (const handle of handles) await handle.close()
}
