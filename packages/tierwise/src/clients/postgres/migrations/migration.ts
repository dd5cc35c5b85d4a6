import type { TableNames } from './table-names.ts'

/** A step from one layout of tables to the next. */
export interface Migration {
  readonly number: number
  /** Code that knows only the migrations before it can no longer work with the tables. */
  readonly isBreaking: boolean
  readonly statements: readonly string[]
}

/** What creates the place for the migrations; the schema itself is created apart, because most roles may not. */
export function bookkeeping({ migrations }: TableNames): string {
  return `create table if not exists ${migrations} (
  number integer primary key,
  is_breaking boolean not null,
  applied_at timestamptz not null default now()
)`
}

export function createSchema({ schema }: TableNames): string {
  return `create schema if not exists ${schema}`
}

export function recordMigration({ migrations }: TableNames, { number, isBreaking }: Migration): string {
  return `insert into ${migrations} (number, is_breaking) values (${number}, ${isBreaking}) on conflict do nothing`
}

/** All migrations as text, for whoever may run it. */
export function textOf(tables: TableNames, migrations: readonly Migration[]): string {
  const lines = migrations.flatMap((migration) => [
    `-- ${migration.number}`,
    ...migration.statements.map((statement) => `${statement};`),
    `${recordMigration(tables, migration)};`,
  ])
  return [`${createSchema(tables)};`, `${bookkeeping(tables)};`, ...lines, ''].join('\n')
}
