import pg from 'pg'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'

import { systemRuntime } from '../../../src/base/runtime.ts'
import { connectionSettings, type PostgresConnectionOptions } from '../../../src/clients/postgres/connection-options.ts'
import { createPostgresPort } from '../../../src/clients/postgres/create-port.ts'
import { loadInstalled, type InstalledName } from '../../../src/clients/postgres/load-package.ts'
import type { PostgresPort } from '../../../src/clients/postgres/port.ts'

const url = 'postgres://nobody@127.0.0.1:1/none'

/** A port as it would be made where only these packages are installed. */
function portWith(installed: readonly InstalledName[], options: PostgresConnectionOptions): Promise<PostgresPort> {
  return createPostgresPort(connectionSettings(options, 'postgres'), systemRuntime(), async (name) =>
    installed.includes(name) ? loadInstalled(name) : undefined,
  )
}

describe('packages', () => {
  it('are chosen by what is installed, and by name', async () => {
    const ports = [
      await portWith(['pg', 'postgres'], { url }),
      await portWith(['postgres'], { url }),
      await portWith(['pg', 'postgres'], { url, package: 'postgres' }),
    ]
    expect(ports.map((port) => port.package)).toEqual(['pg', 'postgres', 'postgres'])
    for (const port of ports) await port.close()
  })

  it.each([
    [[], { url }, 'npm install pg'],
    [['pg'], { url, package: 'postgres' }, 'npm install postgres'],
    [['postgres'], { url, package: 'pg' }, 'npm install pg'],
    [['pg', 'postgres'], { dataDir: 'never-created' }, 'npm install @electric-sql/pglite'],
  ] as const)(
    'with %j installed and %j, the missing one is named with its command',
    async (installed, options, command) => {
      await expect(portWith(installed, options)).rejects.toMatchObject({
        code: 'ERR_CACHE_PEER_MISSING',
        message: expect.stringContaining(command) as string,
      })
    },
  )

  it('need not be found for a pool that is handed in', async () => {
    const pool = new pg.Pool({ connectionString: url })
    const port = await portWith([], { pool })
    expect(port.package).toBe('pg')
    await expect(port.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await port.close()
    await pool.end()
  })

  it.each(['made here', 'handed in'])(
    'postgres, %s, is not told to ask for types: nobody would catch it',
    async (how) => {
      const made: unknown[] = []
      const counting = Object.assign((...args: unknown[]) => {
        made.push(args.at(-1))
        return postgres(...(args as [string]))
      }, postgres)
      const load = async (): Promise<unknown> => ({ default: counting })
      const sql = postgres(url)
      const settings = connectionSettings(how === 'made here' ? { url, package: 'postgres' } : { sql }, 'postgres')
      const port = await createPostgresPort(settings, systemRuntime(), load as never)
      await expect(port.session(async ({ query }) => query({ text: 'select 1' }))).rejects.toThrow()
      expect(made.length).toBeGreaterThan(0)
      for (const options of made) expect(options).toMatchObject({ fetch_types: false })
      await port.close()
      await sql.end()
    },
  )

  it('are not confused with each other', () => {
    const sql = postgres(url)
    const pool = new pg.Pool({ connectionString: url })
    expect(() => connectionSettings({ pool: sql as never }, 'postgres')).toThrow(/must be a Pool of the package pg/)
    expect(() => connectionSettings({ sql: pool as never }, 'postgres')).toThrow(/must be the sql function/)
    expect(() => connectionSettings({ pglite: pool as never }, 'postgres')).toThrow(/must be a database of PGlite/)
  })
})
