import { runProgram } from './program.ts'

export interface SqlRun {
  /** Arguments that say where to connect. */
  readonly target: readonly string[]
  readonly sql: string
  readonly env?: Readonly<Record<string, string>>
}

/** Rows as lines, columns separated by `|`. Settings of the user and the environment play no part. */
export async function runSql(psql: string, { target, sql, env }: SqlRun): Promise<string> {
  const plain = ['--no-psqlrc', '--quiet', '--no-align', '--tuples-only', '--set=ON_ERROR_STOP=1']
  const printed = await runProgram(psql, [...plain, ...target], {
    input: sql,
    env: { PGOPTIONS: '', PGCLIENTENCODING: 'UTF8', ...env },
  })
  return printed.replace(/\n$/, '')
}

export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
