import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgresJs from 'postgres'
import * as vitest from 'vitest'

import { busConformance } from '../../../../src/testing/bus-conformance.ts'
import { serverUrl } from '../../../clients/postgres/server.ts'
import { maxStalenessMs, PostgresWorld } from './postgres-world.ts'

const url = await serverUrl()
const pool = new pg.Pool({ connectionString: url })
const sql = postgresJs(url, { onnotice: () => undefined })
const pglite = await PGlite.create()
vitest.afterAll(async () => {
  await pglite.close()
  await pool.end()
  await sql.end()
})

const worlds: Readonly<Record<string, () => PostgresWorld>> = {
  'a pool of pg': () => new PostgresWorld({ connect: () => ({ pool }), url }),
  'a sql of postgres': () => new PostgresWorld({ connect: () => ({ sql }), url }),
  'a PGlite that several managers share': () => new PostgresWorld({ connect: () => ({ pglite }) }),
}

for (const [name, open] of Object.entries(worlds)) {
  busConformance({ name: `of PostgreSQL over ${name}`, open: async () => open(), runner: vitest, maxStalenessMs })
}
