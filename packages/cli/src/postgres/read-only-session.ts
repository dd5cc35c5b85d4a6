import { inTime } from '../deadline.ts'
import { CommandFailure } from '../failure.ts'
import type { Library } from '../library.ts'
import type { TierOptions } from '../configuration.ts'

export type Row = Readonly<Record<string, unknown>>

/** One connection on which every statement runs in a transaction that the server keeps from writing. */
export interface ReadOnlySession {
  readonly package: 'pg' | 'postgres'
  query<T extends Row>(text: string, values?: readonly unknown[]): Promise<readonly T[]>
  /** One round trip. */
  ping(): Promise<void>
  close(): Promise<void>
}

export interface SessionParts {
  readonly url: string
  readonly options: TierOptions
  readonly library: Library
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

interface PgClient {
  connect(): Promise<unknown>
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Row[] }>
  end(): Promise<void>
  on(event: 'error', listener: () => void): unknown
}

interface PgModule {
  readonly Client: new (config: object) => PgClient
}

type Unsafe = (text: string, values?: readonly unknown[], options?: object) => Promise<readonly Row[]>

interface PostgresJs {
  readonly unsafe: Unsafe
  begin<T>(mode: string, work: (sql: { readonly unsafe: Unsafe }) => Promise<T>): Promise<T>
  end(options: { readonly timeout: number }): Promise<void>
}

/** @throws CommandFailure when no package is installed; what the package throws when there is no connection */
export async function openReadOnly(parts: SessionParts): Promise<ReadOnlySession> {
  const wanted = parts.options['package']
  const pg =
    wanted === 'postgres' ? undefined : await parts.library.client<Partial<PgModule> & { default?: PgModule }>('pg')
  const module = pg?.default ?? (pg as PgModule | undefined)
  if (module !== undefined) return openPg(module, parts)
  const postgres =
    wanted === 'pg'
      ? undefined
      : await parts.library.client<{ default: (url: string, options: object) => PostgresJs }>('postgres')
  if (postgres !== undefined) return openPostgresJs(postgres.default, parts)
  const name = wanted === 'postgres' ? 'postgres' : 'pg'
  throw new CommandFailure(`The package ${name} is not installed`, { hint: `npm install ${name}` })
}

async function openPg({ Client }: PgModule, parts: SessionParts): Promise<ReadOnlySession> {
  const { url, options, timeoutMs, signal } = parts
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    application_name: 'tierwise-cli',
    ...(options['tls'] === undefined ? {} : { ssl: options['tls'] }),
  })
  // A connection that is lost between two statements fails the next one; without a listener it would end the process.
  client.on('error', () => {})
  const end = (): Promise<void> => inTime(client.end(), timeoutMs).catch(() => {})
  try {
    await inTime(client.connect(), timeoutMs, signal)
  } catch (error) {
    void end()
    throw error
  }
  const run = async (text: string, values?: readonly unknown[]) =>
    (await inTime(client.query(text, values), timeoutMs, signal)).rows
  return {
    package: 'pg',
    query: async <T extends Row>(text: string, values?: readonly unknown[]) => {
      await run('begin read only')
      try {
        return (await run(text, values)) as readonly T[]
      } finally {
        await run('rollback')
      }
    },
    ping: async () => void (await run('select 1')),
    close: end,
  }
}

async function openPostgresJs(
  factory: (url: string, options: object) => PostgresJs,
  parts: SessionParts,
): Promise<ReadOnlySession> {
  const { url, options, timeoutMs, signal } = parts
  const sql = factory(url, {
    max: 1,
    prepare: false,
    connect_timeout: Math.ceil(timeoutMs / 1000),
    onnotice: () => undefined,
    connection: { application_name: 'tierwise-cli' },
    ...(options['tls'] === undefined ? {} : { ssl: options['tls'] === true ? {} : options['tls'] }),
  })
  const session: ReadOnlySession = {
    package: 'postgres',
    query: async <T extends Row>(text: string, values: readonly unknown[] = []) => {
      const rows = await inTime(
        sql.begin('read only', (each) => each.unsafe(text, values)),
        timeoutMs,
        signal,
      )
      return rows as readonly T[]
    },
    ping: async () => void (await inTime(sql.unsafe('select 1'), timeoutMs, signal)),
    close: () => sql.end({ timeout: 1 }).catch(() => {}),
  }
  try {
    await session.query('select 1')
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}
