import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../src/testing/servers/index.ts'
import { childrenOf, isAlive } from '../../../src/testing/servers/process-children.ts'

let server: PostgresServer
const started: PostgresServer[] = []

beforeAll(async () => {
  server = await start()
})

afterAll(() => Promise.all(started.map((each) => each.stop())))

async function start(options: Parameters<typeof startPostgres>[0] = {}): Promise<PostgresServer> {
  const one = await startPostgres({ dedicated: true, ...options })
  started.push(one)
  return one
}

/** One query over the network by an ordinary client. */
async function ask(url: string, sql: string, options: pg.ClientConfig = {}): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000, ...options })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query({ text: sql, rowMode: 'array' })
    return rows
  } finally {
    await client.end().catch(() => {})
  }
}

describe('startPostgres', () => {
  it('starts a server that a client reaches at its port and its socket', async () => {
    expect(await ask(server.url, 'select 1 + 1')).toEqual([[2]])
    const { socketFolder: host = '', port, user, database } = server
    expect(await ask('', 'select current_user', { host, port, user, database })).toEqual([['postgres']])
  })

  it('creates databases of any name', async () => {
    const url = await server.createDatabase('Käse "a b')
    expect(await ask(url, 'select current_database()')).toEqual([['Käse "a b']])
  })

  it('runs SQL as the superuser and says what is wrong with it', async () => {
    expect(await server.query("select 1, 'a' union all select 2, null order by 1; select 'ü'")).toBe('1|a\n2|\nü')
    await expect(server.query('select 1; selct 2')).rejects.toThrow('syntax error at or near "selct"')
    await server.createDatabase('other')
    expect(await server.query('select current_database()', 'other')).toBe('other')
  })

  it('comes back at the same port with its data after an orderly restart', async () => {
    await server.query('create table kept (a int); create unlogged table light (a int)')
    await server.query('insert into kept values (1); insert into light values (1)')
    const { port } = server
    await server.restart()
    expect(server.port).toBe(port)
    expect(await server.query('select count(*) from kept; select count(*) from light')).toBe('1\n1')
  })

  it('is killed with all its processes, and comes back without what unlogged tables held', async () => {
    const { pid = NaN } = server
    const children = await childrenOf(pid)
    expect(children.length).toBeGreaterThan(2)
    await server.kill()
    expect([pid, ...children].some(isAlive)).toBe(false)
    await expect(ask(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
    await server.restart()
    expect(await server.query('select count(*) from kept; select count(*) from light')).toBe('1\n0')
  })

  it('stays where it is while it is paused, open connections included', async () => {
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    await server.pause()
    let answered = false
    const answer = client.query('select 1').then(() => (answered = true))
    await expect(ask(server.url, 'select 1', { connectionTimeoutMillis: 300 })).rejects.toThrow('timeout')
    expect(answered).toBe(false)
    await server.resume()
    await answer
    await client.end()
  })

  it('takes settings, and asks for the password at the port only', async () => {
    const password = "it's: a/secret"
    const guarded = await start({ config: { max_connections: '7', application_name: "it's" }, password })
    expect(await ask(guarded.url, 'show max_connections')).toEqual([['7']])
    expect(await guarded.query('show application_name')).not.toBe('')
    const wrong = guarded.url.replace('secret', 'guess')
    await expect(ask(wrong, 'select 1')).rejects.toThrow('password authentication failed')
  })

  it('says why a server does not start', async () => {
    await expect(start({ config: { max_connections: 'many' } })).rejects.toThrow(/did not start[^]*max_connections/)
  })

  it('leaves no process, no folder and no shared memory, also when it was killed before', async () => {
    const [stopped, killed] = await Promise.all([start(), start()])
    const folders = [stopped, killed].map(({ socketFolder = '' }) => dirname(socketFolder))
    const memory = [stopped, killed].map((each) => sharedMemoryOf(each))
    const pids = (
      await Promise.all([stopped, killed].map(async ({ pid = NaN }) => [pid, ...(await childrenOf(pid))]))
    ).flat()
    expect(folders.every((folder) => existsSync(folder))).toBe(true)
    expect(memory.every((id) => isShared(id))).toBe(true)
    await killed.kill()
    await Promise.all([stopped.stop(), killed.stop()])
    await stopped.stop()
    expect(pids.some(isAlive)).toBe(false)
    expect(folders.some((folder) => existsSync(folder))).toBe(false)
    expect(memory.some((id) => isShared(id))).toBe(false)
  })

  it('can be stopped while it is paused', async () => {
    const paused = await start()
    await paused.pause()
    await paused.stop()
    expect(paused.isRunning).toBe(false)
  })
})

function sharedMemoryOf({ socketFolder = '' }: PostgresServer): string {
  const lines = readFileSync(join(socketFolder, 'data/postmaster.pid'), 'utf8').split('\n')
  return lines[6]?.trim().split(/\s+/)[1] ?? ''
}

function isShared(id: string): boolean {
  const lines = readFileSync('/proc/sysvipc/shm', 'utf8').split('\n')
  return lines.some((line) => line.trim().split(/\s+/)[1] === id)
}
