import { createHash } from 'node:crypto'

import { optionError, readOptions, text, type OptionReader } from '../../../base/option-reader.ts'
import { systemRuntime } from '../../../base/runtime.ts'
import { connectionSettings, type PostgresConnectionOptions } from '../../../clients/postgres/connection-options.ts'
import { createPostgresPort } from '../../../clients/postgres/create-port.ts'
import type { PostgresPort, PostgresSession } from '../../../clients/postgres/port.ts'
import { defaultSchema, ensureSchema, schemaText } from './own-schema.ts'
import {
  columns,
  identifier,
  quoteIdentifier,
  quoteRelation,
  relation,
  type PostgresRelation,
  type RelationName,
} from './relation.ts'
import { triggerFunction, triggerFunctionText } from './trigger-function.ts'

/** Which changes of a table invalidate what. */
export interface InvalidationTriggers {
  /** The table: `'name'`, `'schema.name'` or `{ schema, name }`. */
  readonly table: PostgresRelation
  /** The namespace whose entries are invalidated. */
  readonly namespace: string
  /** The column that is the key, or the columns that are joined to it as `postgresViews` does. This or `tags`. */
  readonly key?: string | readonly string[]
  /** Columns whose texts are tags of the entries to invalidate. This or `key`. */
  readonly tags?: readonly string[]
  /** Where the changes are told. @default 'tierwise' */
  readonly channel?: string
  /** Schema of the trigger function. @default 'tierwise' */
  readonly schema?: string
}

export const defaultChannel = 'tierwise'

interface TriggerSettings {
  readonly table: RelationName
  readonly namespace: string
  readonly kind: 'keys' | 'tags'
  readonly columns: readonly string[]
  readonly channel: string
  readonly schema: string
}

const operations = ['insert', 'update', 'delete', 'truncate'] as const
type Operation = (typeof operations)[number]

/**
 * Creates triggers on a table that tell its changes to `listenForInvalidations`: one per statement for insert, update,
 * delete and truncate. Nothing happens when they are there already; triggers of other options are replaced. Run it as the
 * owner of the table, in a migration. Resolves to whether anything was changed.
 *
 * @throws ConfigError ERR_CACHE_OPTION, ERR_CACHE_CONFIG
 * @example
 * await installInvalidationTriggers({ pool }, { table: 'factors', namespace: 'emission_factors', key: ['product', 'year'] })
 */
export async function installInvalidationTriggers(
  connection: PostgresConnectionOptions,
  triggers: InvalidationTriggers,
): Promise<boolean> {
  const settings = triggerSettings(triggers, 'installInvalidationTriggers')
  return withPort(connection, 'installInvalidationTriggers', (port) =>
    port.transaction((session) => install(session, settings)),
  )
}

/**
 * Removes the triggers of a table and namespace, and their function after the last of them. Resolves to whether there
 * were any.
 *
 * @throws ConfigError ERR_CACHE_OPTION, ERR_CACHE_CONFIG
 */
export async function removeInvalidationTriggers(
  connection: PostgresConnectionOptions,
  triggers: Pick<InvalidationTriggers, 'table' | 'namespace' | 'schema'>,
): Promise<boolean> {
  const path = 'removeInvalidationTriggers'
  const { table, namespace, schema = defaultSchema } = readOptions<TriggerOptions>(triggers, path, triggerTable)
  if (table === undefined || namespace === undefined) throw optionError(path, triggers, 'a table and a namespace')
  return withPort(connection, path, (port) =>
    port.transaction((session) => remove(session, { table, namespace, schema })),
  )
}

/** The statements of `installInvalidationTriggers` as text, for a migration of your own. */
export function invalidationTriggersSql(triggers: InvalidationTriggers): string {
  const settings = triggerSettings(triggers, 'invalidationTriggersSql')
  return `${[schemaText(settings.schema), triggerFunctionText(settings.schema), ...createTexts(settings)].join(';\n')};\n`
}

interface TriggerOptions {
  readonly table: RelationName
  readonly namespace: string
  readonly key: readonly string[]
  readonly tags: readonly string[]
  readonly channel: string
  readonly schema: string
}

const namespaceName: OptionReader<string> = (raw, path) => {
  if (/^[\w.-]{1,128}$/.test(text(raw, path))) return raw as string
  throw optionError(path, raw, 'the name of a namespace')
}

const triggerTable = {
  table: relation,
  namespace: namespaceName,
  key: ((raw, path) => (typeof raw === 'string' ? [identifier(raw, path)] : columns(raw, path))) as OptionReader<
    readonly string[]
  >,
  tags: columns,
  channel: identifier,
  schema: identifier,
}

function triggerSettings(raw: InvalidationTriggers, path: string): TriggerSettings {
  const { table, namespace, key, tags, channel, schema } = readOptions<TriggerOptions>(raw, path, triggerTable)
  if (table === undefined) throw optionError(`${path}.table`, table, 'the name of a table')
  if (namespace === undefined) throw optionError(`${path}.namespace`, namespace, 'the name of a namespace')
  if ((key === undefined) === (tags === undefined)) throw optionError(path, raw, 'given either `key` or `tags`')
  return {
    table,
    namespace,
    kind: key === undefined ? 'tags' : 'keys',
    columns: key ?? tags ?? [],
    channel: channel ?? defaultChannel,
    schema: schema ?? defaultSchema,
  }
}

async function install(session: PostgresSession, settings: TriggerSettings): Promise<boolean> {
  const { table, namespace, schema } = settings
  await lock(session)
  const digest = digestOf(settings)
  const held = await session.query({
    text: `select obj_description(t.oid, 'pg_trigger') as digest from pg_trigger t
where t.tgrelid = $1::text::regclass and t.tgname = any($2::text[])`,
    values: [quoteRelation(table), operations.map((operation) => triggerName(operation, namespace))],
  })
  if (held.length === operations.length && held.every((row) => row['digest'] === digest)) return false
  await ensureSchema(session, schema)
  await session.query({ text: triggerFunctionText(schema) })
  for (const text of createTexts(settings)) await session.query({ text })
  return true
}

async function remove(
  session: PostgresSession,
  settings: Pick<TriggerSettings, 'table' | 'namespace' | 'schema'>,
): Promise<boolean> {
  const { table, namespace, schema } = settings
  await lock(session)
  const names = operations.map((operation) => triggerName(operation, namespace))
  const held = await session.query({
    text: 'select tgname::text as name from pg_trigger where tgrelid = $1::text::regclass and tgname = any($2::text[])',
    values: [quoteRelation(table), names],
  })
  for (const row of held)
    await session.query({ text: `drop trigger ${quoteIdentifier(String(row['name']))} on ${quoteRelation(table)}` })
  const used = await session.query({
    text: 'select from pg_trigger where tgfoid = to_regprocedure($1::text)',
    values: [`${triggerFunction(schema)}()`],
  })
  if (used.length === 0) await session.query({ text: `drop function if exists ${triggerFunction(schema)}()` })
  return held.length > 0
}

/** Two installations at once would collide in the catalog. */
async function lock(session: PostgresSession): Promise<void> {
  await session.query({ text: "select pg_advisory_xact_lock(hashtextextended('tierwise_notify', 0))" })
}

function createTexts(settings: TriggerSettings): readonly string[] {
  const table = quoteRelation(settings.table)
  const { channel, namespace, kind, schema } = settings
  const values = [channel, namespace, kind, ...settings.columns].map(quoteText).join(', ')
  return operations.flatMap((operation) => {
    const name = quoteIdentifier(triggerName(operation, namespace))
    return [
      `drop trigger if exists ${name} on ${table}`,
      `create trigger ${name} after ${operation} on ${table}${changedRows[operation]}
for each statement execute function ${triggerFunction(schema)}(${values})`,
      `comment on trigger ${name} on ${table} is ${quoteText(digestOf(settings))}`,
    ]
  })
}

const changedRows: Readonly<Record<Operation, string>> = {
  insert: ' referencing new table as new_rows',
  update: ' referencing old table as old_rows new table as new_rows',
  delete: ' referencing old table as old_rows',
  truncate: '',
}

/** A name is at most 63 bytes, a namespace may be longer. */
function triggerName(operation: Operation, namespace: string): string {
  return `tierwise_${operation}_${hash(namespace)}`
}

function digestOf(settings: TriggerSettings): string {
  return `tierwise ${hash(JSON.stringify([settings, triggerFunctionText(settings.schema)]))}`
}

function hash(source: string): string {
  return createHash('sha256').update(source).digest('hex').slice(0, 16)
}

/** The arguments of a trigger have to be literals. The escape form reads the same under every setting. */
function quoteText(value: string): string {
  return `E'${value.replaceAll(/['\\]/g, (sign) => sign + sign)}'`
}

async function withPort<T>(
  connection: PostgresConnectionOptions,
  path: string,
  work: (port: PostgresPort) => Promise<T>,
): Promise<T> {
  const port = await createPostgresPort(connectionSettings(connection, path), systemRuntime())
  try {
    return await work(port)
  } finally {
    await port.close()
  }
}
