import type { PostgresQuery, PostgresRow, PostgresValue } from '../../clients/postgres/port.ts'
import type { CoordinationStore } from '../../contract/coordination.ts'
import type { CoordinationNames } from './names.ts'
import { bytesOf } from './stored-text.ts'

/** Steps that are a function of the server. */
export type StepName = Exclude<
  keyof CoordinationStore,
  'name' | 'capabilities' | 'open' | 'close' | 'publish' | 'subscribe'
>

/** The function of each step, and the types of what it takes after the key. */
const functions: Readonly<Record<StepName, readonly [fn: string, types: readonly string[]]>> = {
  read: ['read', []],
  write: ['write', ['bytea', 'bigint', 'text', 'bytea']],
  remove: ['remove', ['bytea']],
  add: ['add', ['bigint', 'bigint']],
  raise: ['raise', ['double precision', 'bytea']],
  enter: ['enter', ['bytea[]', 'bigint[]']],
  contains: ['contains', ['bytea[]']],
  leave: ['leave', ['bytea[]']],
  size: ['size', []],
  members: ['members', []],
  setFields: ['set_fields', ['bytea[]', 'bytea[]', 'boolean', 'bigint']],
  fields: ['fields', ['bytea[]']],
  rank: ['rank', ['bytea[]', 'double precision[]', 'bigint', 'boolean', 'bigint']],
  ranked: ['ranked', ['double precision', 'double precision', 'bigint', 'boolean']],
  unrank: ['unrank', ['bytea[]', 'double precision', 'double precision']],
  acquire: ['acquire', ['bytea', 'bigint', 'bigint']],
  renew: ['renew', ['bytea', 'bigint']],
  release: ['release', ['bytea', 'text']],
  take: ['take', ['text', 'numeric', 'numeric', 'numeric', 'numeric', 'boolean']],
  giveBack: ['give_back', ['text', 'numeric', 'numeric', 'numeric', 'bigint']],
}

/** Has the server take a step; the rows of its answer, a single value in the column `answer`. */
export type Ask = (step: StepName, key: string, values?: readonly PostgresValue[]) => Promise<readonly PostgresRow[]>

/** The statements of all steps, each a call of its function. */
export class StepStatements {
  readonly #statements: ReadonlyMap<StepName, Pick<PostgresQuery, 'name' | 'text'>>

  constructor(names: CoordinationNames) {
    const entries = Object.entries(functions).map(([step, [fn, types]]) => {
      const parameters = ['bytea', ...types].map((type, index) => `$${index + 1}::${type}`)
      const text = `select * from ${names.fn(fn)}(${parameters.join(', ')}) as answer`
      return [step as StepName, { name: `tierwise_${fn}_${names.digest}`, text }] as const
    })
    this.#statements = new Map(entries)
  }

  of(step: StepName, key: string, values: readonly PostgresValue[]): PostgresQuery {
    return { ...(this.#statements.get(step) ?? { text: '' }), values: [bytesOf(key), ...values] }
  }
}
