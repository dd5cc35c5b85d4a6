import type { PGlite } from '@electric-sql/pglite'
import type pg from 'pg'
import type postgres from 'postgres'
import * as runner from 'vitest'

import { coordinationConformance } from '../../../src/testing/coordination-conformance.ts'
import { serverUrl } from '../../clients/postgres/server.ts'
import { newPglite, poolOf, realWorld, sqlOf, stillWorld } from './worlds.ts'

const { afterAll, beforeAll } = runner

let pools: readonly [pg.Pool, pg.Pool]
let sqls: readonly [postgres.Sql, postgres.Sql]
let pglite: PGlite
beforeAll(async () => {
  const url = await serverUrl()
  pools = [poolOf(url), poolOf(url)]
  sqls = [sqlOf(url), sqlOf(url)]
  pglite = await newPglite()
})
afterAll(async () => {
  await Promise.all([...pools, ...sqls].map((each) => each.end()))
  await pglite.close()
})

coordinationConformance({
  name: 'postgres over pg',
  runner,
  create: () => realWorld({ table: 'pg', query: run, handles: pools.map((pool) => ({ pool })) }),
})

if (process.env['ALL_CLIENTS'] === '1')
  coordinationConformance({
    name: 'postgres over postgres.js',
    runner,
    create: () => realWorld({ table: 'js', query: run, handles: sqls.map((sql) => ({ sql })) }),
  })

coordinationConformance({
  name: 'postgres over PGlite, whose clock stands still',
  runner,
  create: () => stillWorld({ table: 'lite', query: (text) => pglite.query(text), handles: [{ pglite }, { pglite }] }),
})

function run(text: string): Promise<unknown> {
  return pools[0].query(text)
}
