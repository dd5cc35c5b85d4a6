import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres, startRedis, type PostgresServer, type RedisServer } from '../../../src/testing/servers/index.ts'

afterEach(() => {
  delete process.env['TIERWISE_TEST_REDIS_URL']
  delete process.env['TIERWISE_TEST_POSTGRES_URL']
})

describe('TIERWISE_TEST_REDIS_URL', () => {
  let running: RedisServer

  beforeAll(async () => {
    running = await startRedis({ password: 'some/secret', config: { databases: '5' } })
  })

  afterAll(() => running.stop())

  async function borrow(): Promise<RedisServer> {
    process.env['TIERWISE_TEST_REDIS_URL'] = running.url
    return startRedis()
  }

  it('gives each caller an empty database of its own, never one that somebody uses, and empties it afterwards', async () => {
    await running.command('set', 'theirs', '0')
    await running.command('eval', "redis.call('select', 2) redis.call('set', 'theirs', '2')", '0')
    const borrowed = await Promise.all([borrow(), borrow(), borrow()])
    const numbers = borrowed.map(({ url }) => new URL(url).pathname.slice(1))
    expect(numbers.toSorted()).toEqual(['1', '3', '4'])
    await Promise.all(borrowed.map((server, index) => server.command('set', 'mine', String(index))))
    expect(await borrowed[1]?.command('keys', '*')).toBe('mine')
    expect(await borrowed[1]?.command('get', 'mine')).toBe('1')
    await Promise.all(borrowed.map((server) => server.stop()))
    expect(await running.command('info', 'keyspace')).not.toMatch(/db[134]:/)
    expect(await running.command('info', 'keyspace')).toContain('db2:keys=1')
    expect(await running.command('get', 'theirs')).toBe('0')
  })

  it('waits for a database to be given back when all are taken', async () => {
    const all = await Promise.all([borrow(), borrow(), borrow()])
    const next = borrow()
    await all[0]?.stop()
    const late = await next
    expect(late.url).toBe(all[0]?.url)
    for (const server of [...all.slice(1), late]) await server.stop()
  })

  it('takes over what a test left behind that was killed', async () => {
    const dead = await borrow()
    await dead.command('set', 'left', '1')
    await running.command('del', `tierwise:test:database:${new URL(dead.url).pathname.slice(1)}`)
    const next = await borrow()
    expect(next.url).toBe(dead.url)
    expect(await next.command('dbsize')).toBe('0')
    await next.stop()
  })

  it('is not used when a server of its own is asked for, and cannot be killed', async () => {
    const borrowed = await borrow()
    await expect(borrowed.kill()).rejects.toThrow('startRedis({ dedicated: true })')
    expect(() => borrowed.pause()).toThrow('cannot be paused')
    await borrowed.stop()
    process.env['TIERWISE_TEST_REDIS_URL'] = running.url
    const own = await startRedis({ dedicated: true })
    expect(own.port).not.toBe(running.port)
    await own.stop()
  })
})

describe('TIERWISE_TEST_POSTGRES_URL', () => {
  let running: PostgresServer

  beforeAll(async () => {
    running = await startPostgres({ password: 'some/secret' })
  })

  afterAll(() => running.stop())

  const databases = (): Promise<string> => running.query('select count(*) from pg_database')

  it('gives each caller fresh databases and drops them afterwards', async () => {
    process.env['TIERWISE_TEST_POSTGRES_URL'] = running.url
    const before = await databases()
    const [one, two] = await Promise.all([startPostgres(), startPostgres()])
    expect(one.database).not.toBe(two.database)
    expect(await one.query('select current_database()')).toBe(one.database)
    const more = await one.createDatabase('more')
    expect(new URL(more).pathname).toBe(`/${one.database}_more`)
    expect(await one.query('select current_database()', 'more')).toBe(`${one.database}_more`)
    await expect(one.restart()).rejects.toThrow('startPostgres({ dedicated: true })')
    await Promise.all([one.stop(), two.stop()])
    expect(await databases()).toBe(before)
  })
})
