import { optionError } from '../../../base/option-reader.ts'
import type { OutboxStatement } from './outbox-change.ts'

/** Runs one statement with texts as parameters, as clients of `pg`, transactions of PGlite and others do. */
export interface OutboxQueryHandle {
  query(text: string, values: (string | null)[]): PromiseLike<unknown>
}

/** The `sql` of a transaction of `postgres`. */
export interface OutboxSqlHandle {
  unsafe(text: string, values: (string | null)[]): PromiseLike<unknown>
}

/**
 * A transaction of the application: the client of `pg` that `begin` was sent on, the `sql` that `sql.begin` of `postgres`
 * hands over, the transaction of PGlite, or anything with `query(text, values)`.
 */
export type OutboxTransaction = OutboxQueryHandle | OutboxSqlHandle

const allowed = 'the handle of a transaction: a client of pg, the sql of sql.begin, or a transaction of PGlite'

/** @throws ConfigError ERR_CACHE_OPTION for what runs each statement in a transaction of its own */
export async function runIn(tx: OutboxTransaction, { text, values }: OutboxStatement): Promise<void> {
  refuseOthers(tx)
  if ('unsafe' in tx) await tx.unsafe(text, [...values])
  else await tx.query(text, [...values])
}

/** A pool, the outer `sql` and a database of PGlite look like a transaction and are none: the row would stay after a rollback. */
function refuseOthers(tx: OutboxTransaction): void {
  const has = (name: string): boolean => tx !== null && tx !== undefined && name in Object(tx)
  const isPool = has('totalCount') || has('idleCount')
  const isOuterSql = has('unsafe') && has('begin')
  const isDatabase = has('waitReady')
  const runs = has('unsafe') || has('query')
  if (!runs || isPool || isOuterSql || isDatabase) throw optionError('invalidateInTx.tx', {}, allowed)
}
