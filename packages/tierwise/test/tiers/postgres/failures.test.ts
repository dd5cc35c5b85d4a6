import pg from 'pg'
import postgresJs from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { TierError } from '../../../src/errors.ts'
import { startPostgres, type PostgresServer } from '../../../src/testing/servers/index.ts'
import type { PostgresOptions } from '../../../src/tiers/postgres/index.ts'
import { createdTier, openedTier, readText, record } from './opened-tier.ts'

let server: PostgresServer
const ends: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  server = await startPostgres({ dedicated: true })
})
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})
afterAll(() => server.stop())

/** Waits on real time: the server and the clients reconnect at their own pace. */
const patient = { timeout: 15_000, interval: 50 }

const ways: Readonly<Record<string, () => PostgresOptions>> = {
  'pg by url': () => ({ url: server.url, package: 'pg' }),
  'a pool of pg without a listener of its own': () => {
    const pool = new pg.Pool({ connectionString: server.url })
    ends.push(() => pool.end())
    return { pool }
  },
  'postgres by url': () => ({ url: server.url, package: 'postgres' }),
  'a sql of postgres': () => {
    const sql = postgresJs(server.url, { onnotice: () => undefined, connect_timeout: 2 })
    ends.push(() => sql.end({ timeout: 1 }))
    return { sql }
  },
}

describe.each(Object.entries(ways))('over %s', (_, way) => {
  it('a killed server fails what is under way, and is used again when it is back', async () => {
    const { tier } = await openedTier({ ...way(), schema: 'killed' })
    await tier.set([record('tw:a', 1)])
    const instant = await tier.tags?.invalidate(['red'], 0)
    let isOver = false
    const outcomes = { good: 0, bad: 0 }
    const errors = new Set<unknown>()
    const load = Array.from({ length: 20 }, async (__, worker) => {
      for (let round = 0; !isOver; round++) {
        await readText(tier, `tw:${worker}:${round}`).then(
          () => outcomes.good++,
          (error: unknown) => void (outcomes.bad++, errors.add(error)),
        )
        await new Promise((resolve) => setTimeout(resolve, 1)) // leaves the loop to the sockets
      }
    })
    await expect.poll(() => outcomes.good, patient).toBeGreaterThan(50)
    await server.kill()
    await expect.poll(() => outcomes.bad, patient).toBeGreaterThan(20)
    await server.restart()
    const before = outcomes.good
    await expect.poll(() => outcomes.good, patient).toBeGreaterThan(before + 50)
    isOver = true
    await Promise.all(load)
    for (const error of errors) expect(error).toBeInstanceOf(TierError)
    // The crash of the server has emptied the unlogged table, and left the tags alone.
    expect(await readText(tier, 'tw:a')).toBeUndefined()
    expect(await tier.tags?.load()).toEqual({ clock: instant, marks: new Map([['red', instant]]) })
    expect(await tier.set([record('tw:a', 2)])).toEqual(['applied'])
    await tier.close()
  })

  it('a server that takes no writes refuses them with its reason, and reads go on', async () => {
    const { tier } = await openedTier({ ...way(), schema: 'readonly' })
    await tier.set([record('tw:a', 1)])
    await server.query('alter system set default_transaction_read_only = on')
    await server.query('select pg_reload_conf()')
    try {
      await expect
        .poll(
          () =>
            tier.set([record('tw:b', 1)]).then(
              () => 'taken',
              (error: unknown) => error,
            ),
          patient,
        )
        .toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', retryable: false, cause: { code: '25006' } })
      expect(await readText(tier, 'tw:a')).toBe('text of tw:a')
    } finally {
      await server.query('set default_transaction_read_only = off; alter system reset default_transaction_read_only')
      await server.query('select pg_reload_conf()')
    }
    await expect.poll(() => tier.set([record('tw:b', 1)]).catch(() => 'refused'), patient).toEqual(['applied'])
    await tier.close()
  })
})

describe('a connection', () => {
  it('that is refused fails the opening, and a later opening succeeds', async () => {
    await server.kill('SIGINT')
    const { tier } = createdTier({ url: server.url, schema: 'late' })
    await expect(tier.open()).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN', retryable: true })
    await server.restart()
    await tier.open()
    expect(await tier.set([record('tw:a', 1)])).toEqual(['applied'])
    await tier.close()
  })

  it.each(['pg', 'postgres'] as const)('of its own ends a statement of %s that takes too long', async (name) => {
    const { tier } = await openedTier({ url: server.url, package: name, schema: 'slow', statementTimeout: '100ms' })
    await tier.set([record('tw:a', 1)])
    const locker = new pg.Client({ connectionString: server.url })
    await locker.connect()
    await locker.query('begin; lock table slow.entries in access exclusive mode')
    await expect(readText(tier, 'tw:a')).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_READ',
      retryable: true,
      cause: { code: '57014' },
    })
    await locker.query('commit')
    await locker.end()
    expect(await readText(tier, 'tw:a')).toBe('text of tw:a')
    await tier.close()
  })

  it.each(['pg', 'postgres'] as const)('of its own to a silent server does not keep %s from closing', async (name) => {
    const { tier } = await openedTier({ url: server.url, package: name, schema: 'mute', statementTimeout: '100ms' })
    await server.pause()
    try {
      const outcome = readText(tier, 'tw:a').then(
        () => 'read',
        (error: unknown) => error,
      )
      await tier.close()
      expect(await outcome).toBeInstanceOf(TierError)
    } finally {
      await server.resume()
    }
  })

  it('says nothing of values in an error', async () => {
    const { tier } = await openedTier({ url: server.url, schema: 'silent' })
    await server.query(
      `create function silent.shout() returns trigger language plpgsql as $$ begin raise exception 'no' using detail = convert_from(new.bytes, 'UTF8'); end $$`,
    )
    await server.query(
      'create trigger shout before insert on silent.entries for each row execute function silent.shout()',
    )
    const error = await tier.set([record('tw:a', 1, { text: 'secret value' })]).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', cause: { code: 'P0001' } })
    expect(everything(error)).not.toContain('secret value')
    await tier.close()
  })
})

function everything(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  return Object.getOwnPropertyNames(error)
    .map((name) => everything((error as Record<string, unknown>)[name]))
    .join('\n')
}
