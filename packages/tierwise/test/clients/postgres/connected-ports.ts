import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'

import { systemRuntime } from '../../../src/base/runtime.ts'
import { connectionSettings, type PostgresConnectionOptions } from '../../../src/clients/postgres/connection-options.ts'
import { createPostgresPort } from '../../../src/clients/postgres/create-port.ts'
import type { PostgresPort } from '../../../src/clients/postgres/port.ts'

/** A way to hand PostgreSQL in, and what ends it after the test. */
export interface Connection {
  readonly options: PostgresConnectionOptions
  end(): Promise<void>
}

const nothing = async (): Promise<void> => undefined

/** Every way in, by its name; PGlite takes no URL. */
export const connections: Readonly<Record<string, (url: string) => Promise<Connection>>> = {
  'pg by url': async (url) => ({ options: { url, package: 'pg' }, end: nothing }),
  'a pool of pg': async (url) => {
    const pool = new pg.Pool({ connectionString: url })
    return { options: { pool }, end: () => pool.end() }
  },
  'a client of pg': async (url) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    return { options: { client }, end: () => client.end() }
  },
  'postgres by url': async (url) => ({ options: { url, package: 'postgres' }, end: nothing }),
  'a sql of postgres': async (url) => {
    const sql = postgres(url, { onnotice: () => undefined })
    return { options: { sql }, end: () => sql.end() }
  },
  'a sql of postgres that renames and parses': async (url) => {
    const sql = postgres(url, {
      onnotice: () => undefined,
      transform: postgres.camel,
      fetch_types: false,
      types: { bigint: postgres.BigInt },
    })
    return { options: { sql }, end: () => sql.end() }
  },
  PGlite: async () => {
    const pglite = await PGlite.create()
    return { options: { pglite }, end: () => pglite.close() }
  },
}

export function openPort(options: PostgresConnectionOptions): Promise<PostgresPort> {
  return createPostgresPort(connectionSettings(options, 'postgres'), systemRuntime())
}
