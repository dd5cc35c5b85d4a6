import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { seededRandom } from '../../../../src/testing/index.ts'
import { startPostgres, type PostgresServer } from '../../../../src/testing/servers/index.ts'
import { until } from '../../../../src/testing/servers/until.ts'

let server: PostgresServer
const clients: pg.Client[] = []
beforeAll(async () => {
  server = await startPostgres({ dedicated: true })
})
afterAll(async () => {
  for (const client of clients) await client.end()
  await server.stop()
})

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  clients.push(client)
  return client
}

/** What the proof of the bus rests on; the documentation of NOTIFY promises it. */
describe('notifications of PostgreSQL', () => {
  it('come in the order of the commits: behind what was committed before a message was sent, that message comes', async () => {
    const random = seededRandom(7)
    const heard: string[] = []
    const [listener, pinging] = [await connect(), await connect()]
    listener.on('notification', ({ payload }) => heard.push(payload ?? ''))
    await listener.query('listen news')
    const committed: string[] = []
    let isDone = false
    const writers = Array.from({ length: 6 }, async (_, id) => {
      const client = await connect()
      for (let count = 0; !isDone; count++) {
        const payload = `${id}-${count}`
        await client.query('begin')
        await client.query(`select pg_notify('news', $1)`, [payload])
        if (random() < 0.3) await client.query('select pg_sleep($1)', [random() * 0.01])
        await client.query('commit')
        committed.push(payload)
      }
    })
    for (let ping = 0; ping < 200; ping++) {
      const before = [...committed]
      await pinging.query(`select pg_notify('news', $1)`, [`ping ${ping}`])
      await until(() => heard.includes(`ping ${ping}`), { what: 'the ping', everyMs: 1 })
      const told = new Set(heard.slice(0, heard.indexOf(`ping ${ping}`)))
      expect(before.filter((payload) => !told.has(payload))).toEqual([])
    }
    isDone = true
    await Promise.all(writers)
    expect(committed.length).toBeGreaterThan(200)
  })

  it('leave a transaction behind that began before a message and commits after it', async () => {
    const heard: string[] = []
    const [listener, slow, quick] = [await connect(), await connect(), await connect()]
    listener.on('notification', ({ payload }) => heard.push(payload ?? ''))
    await listener.query('listen late')
    await slow.query('begin')
    await slow.query(`select pg_notify('late', 'slow')`)
    await quick.query(`select pg_notify('late', 'quick')`)
    await until(() => heard.length === 1, { what: 'the quick one' })
    await slow.query('commit')
    await until(() => heard.length === 2, { what: 'the slow one' })
    expect(heard).toEqual(['quick', 'slow'])
  })
})
