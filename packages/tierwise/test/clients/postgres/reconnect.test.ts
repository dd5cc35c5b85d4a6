import pg from 'pg'
import postgresJs from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { PostgresConnectionOptions } from '../../../src/clients/postgres/connection-options.ts'
import { startPostgres, type PostgresServer } from '../../../src/testing/servers/index.ts'
import { openPort } from './connected-ports.ts'

let server: PostgresServer
const ends: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  server = await startPostgres({ dedicated: true, password: 'a secret' })
})
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})
afterAll(() => server.stop())

/** Waits on real time: the clients reconnect at their own pace. */
const patient = { timeout: 15_000, interval: 50 }

const ways: Readonly<Record<string, () => PostgresConnectionOptions>> = {
  'pg by url': () => ({ url: server.url, package: 'pg' }),
  'a pool of pg': () => {
    const pool = new pg.Pool({ connectionString: server.url })
    ends.push(() => pool.end())
    return { pool }
  },
  'a pool of pg made of fields': () => {
    const { host, port, user, password, database } = server
    const pool = new pg.Pool({ host, port, user, password, database })
    ends.push(() => pool.end())
    return { pool }
  },
  'postgres by url': () => ({ url: server.url, package: 'postgres' }),
  'a sql of postgres': () => {
    const sql = postgresJs(server.url, { onnotice: () => undefined })
    ends.push(() => sql.end({ timeout: 1 }))
    return { sql }
  },
}

describe.each(Object.entries(ways))('over %s', (_, way) => {
  it('a channel is heard again after the server was gone, and the gap is told', async () => {
    const port = await openPort(way())
    const heard: string[] = []
    let gaps = 0
    await port.listen('news', { onMessage: (payload) => heard.push(payload), onGap: () => gaps++ })
    await server.query(`select pg_notify('news', 'before')`)
    await expect.poll(() => heard, patient).toEqual(['before'])
    await server.kill()
    await server.restart()
    await expect.poll(() => gaps, patient).toBe(1)
    await server.query(`select pg_notify('news', 'after')`)
    await expect.poll(() => heard, patient).toEqual(['before', 'after'])
    await port.close()
    await expect
      .poll(() => server.query(`select count(*) from pg_stat_activity where query ilike 'listen%'`), patient)
      .toMatch(/^0/)
  })

  it('a channel that is left and listened to at once is heard: the end of one connection is not that of the next', async () => {
    const port = await openPort(way())
    for (let round = 0; round < 30; round++) {
      const heard: string[] = []
      const subscription = await port.listen('news', {
        onMessage: (payload) => heard.push(payload),
        onGap: () => undefined,
      })
      await port.query({ text: 'select pg_notify($1::text, $2::text)', values: ['news', `round ${round}`] })
      await expect.poll(() => heard, { timeout: 5000, interval: 5 }).toEqual([`round ${round}`])
      void subscription.close()
    }
    await port.close()
  })

  it('a session that lost its connection fails, and the next one works', async () => {
    const port = await openPort(way())
    const work = port.session(async (session) => {
      const [row] = await session.query({ text: 'select pg_backend_pid() as pid' })
      await server.query(`select pg_terminate_backend(${String(row?.['pid'])}, 5000)`)
      // The client notices on its own time.
      await new Promise((resolve) => setTimeout(resolve, 100))
      await session.query({ text: 'select 1' })
    })
    await expect(work).rejects.toThrow()
    await expect
      .poll(() => port.session((session) => session.query({ text: 'select 1 as one' })).catch(() => undefined), patient)
      .toEqual([{ one: 1 }])
    const lost = port.transaction(async (session) => {
      const [row] = await session.query({ text: 'select pg_backend_pid() as pid' })
      await session.query({ text: `select pg_terminate_backend(${String(row?.['pid'])})` })
    })
    await expect(lost).rejects.toThrow()
    expect(await port.query({ text: 'select 1 as one' }).catch(() => port.query({ text: 'select 1 as one' }))).toEqual([
      { one: 1 },
    ])
    await port.close()
  })
})

describe('what was handed in', () => {
  it('stays open and keeps its listeners when the port is closed', async () => {
    const pool = new pg.Pool({ connectionString: server.url })
    const own = (): void => undefined
    pool.on('error', own)
    const sql = postgresJs(server.url)
    for (const options of [{ pool }, { sql }]) {
      const port = await openPort(options)
      await port.connect()
      await port.listen('news', { onMessage: () => undefined, onGap: () => undefined })
      await port.close()
      await port.close()
    }
    expect(pool.listeners('error')).toEqual([own])
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
    await pool.end()
    await sql.end()
  })

  it('may lose its idle connections without ending the process', async () => {
    const pool = new pg.Pool({ connectionString: server.url })
    const port = await openPort({ pool })
    await port.connect()
    expect(pool.idleCount).toBe(1)
    await server.kill()
    await expect.poll(() => pool.totalCount, patient).toBe(0)
    await server.restart()
    expect(await port.query({ text: 'select 1 as one' })).toEqual([{ one: 1 }])
    await pool.end()
    await port.close()
  })

  it('leaves nothing that keeps the process alive', async () => {
    const port = await openPort({ url: server.url, package: 'pg' })
    await port.connect()
    await port.session((session) => session.query({ text: 'select 1' }))
    await port.close()
    await expect
      .poll(() => server.query(`select count(*) from pg_stat_activity where application_name = 'tierwise'`), patient)
      .toMatch(/^0/)
  })
})
