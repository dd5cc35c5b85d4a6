import pg from 'pg'
import postgresJs from 'postgres'
import { postgres } from 'tierwise/postgres'
import { chainStore } from '../lib/chain-store.mjs'
import { poolSize } from './raw-stores.mjs'

/** @typedef {import('@electric-sql/pglite').PGlite} PGlite */
/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */

export const overPg = 'tierwise over pg'
export const overPostgres = 'tierwise over postgres'
export const overPglite = 'tierwise over PGlite'

/** @param {string} url @returns {Promise<RemoteStore>} */
export function tierwiseOverPg(url) {
  const pool = new pg.Pool({ connectionString: url, max: poolSize })
  return chainStore(overPg, [postgres({ pool, table: 'over_pg' })], () => pool.end())
}

/** @param {string} url @returns {Promise<RemoteStore>} */
export function tierwiseOverPostgres(url) {
  const sql = postgresJs(url, { max: poolSize, onnotice: () => {} })
  return chainStore(overPostgres, [postgres({ sql, table: 'over_postgres' })], () => sql.end())
}

/** @param {PGlite} database Stays open. @returns {Promise<RemoteStore>} */
export function tierwiseOverPglite(database) {
  return chainStore(overPglite, [postgres({ pglite: database })])
}
