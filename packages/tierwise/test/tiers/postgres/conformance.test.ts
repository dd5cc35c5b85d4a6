import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgresJs from 'postgres'
import * as vitest from 'vitest'

import { tierConformance } from '../../../src/testing/tier-conformance.ts'
import { postgres, type PostgresConnectionOptions } from '../../../src/tiers/postgres/index.ts'
import { serverUrl } from '../../clients/postgres/server.ts'

const url = await serverUrl()
const pool = new pg.Pool({ connectionString: url })
const sql = postgresJs(url, { onnotice: () => undefined })
const pglite = await PGlite.create()
vitest.afterAll(async () => {
  await pool.end()
  await sql.end()
  await pglite.close()
})

const connections: Readonly<Record<string, PostgresConnectionOptions>> = {
  pg: { pool },
  postgres: { sql },
  'pg without prepared statements': { url, package: 'pg', prepare: false },
  PGlite: { pglite },
}

let schemas = 0
for (const [name, connection] of Object.entries(connections)) {
  tierConformance({
    name: `postgres on ${name}`,
    definition: () => postgres({ ...connection, schema: `suite ${schemas++}`, maxBytes: '100mb' }),
    runner: vitest,
  })
}
