import pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'

import { systemRuntime } from '../../../../src/base/runtime.ts'
import { createPostgresPort } from '../../../../src/clients/postgres/create-port.ts'
import type { PostgresPort } from '../../../../src/clients/postgres/port.ts'
import type { Runtime, Timer } from '../../../../src/contract/runtime.ts'
import { startPostgres } from '../../../../src/testing/servers/index.ts'
import { createInvalidationOutbox, postgres } from '../../../../src/tiers/postgres/index.ts'
import { memory } from '../../../../src/tiers/memory/index.ts'
import { outboxSettings } from '../../../../src/tiers/postgres/outbox/invalidation-outbox.ts'
import { TableRelay } from '../../../../src/tiers/postgres/outbox/outbox-relay.ts'
import { relaySettings } from '../../../../src/tiers/postgres/outbox/relay-options.ts'
import { startFleet } from '../../../core/fleet/fleet.ts'
import { serverUrl } from '../../../clients/postgres/server.ts'
import {
  endLater,
  isEmpty,
  kinds,
  managerOf,
  openDatabase,
  sharedPglite,
  until,
  withStore,
  type OutboxDatabase,
} from './outbox-database.ts'

beforeAll(sharedPglite)

const never = '1h'
const write = ({ outbox, transaction }: OutboxDatabase, ...keys: string[]): Promise<unknown> =>
  transaction((tx) => outbox.invalidateInTx(tx, 'factors', keys))

/** A row for each key, in one statement. */
const writeRows = ({ run, table }: OutboxDatabase, count: number): Promise<unknown> =>
  run(
    `insert into ${table} (namespace, keys) select 'factors', array['k' || number] from generate_series(1, ${count}) number`,
  )

const allKeys = (count: number): string[] => Array.from({ length: count }, (_, index) => `factors/k${index + 1}`).sort()

describe.each(kinds)('a relay over %s', (kind) => {
  it('is woken by a commit', async () => {
    const database = await openDatabase(kind)
    const { manager, invalidated } = managerOf()
    await database.outbox.relay(manager, { pollInterval: never })
    for (const key of ['a', 'b']) {
      await write(database, key)
      await until(() => invalidated.includes(`factors/${key}`), 'the row is delivered')
    }
    await until(() => isEmpty(database), 'the rows are removed')
  })

  it('finds by looking what nobody has told', async () => {
    const database = await openDatabase(kind)
    await database.run(`alter table ${database.table} disable trigger outbox_wake`)
    const { manager, invalidated } = managerOf()
    await database.outbox.relay(manager, { pollInterval: '20ms' })
    await until(() => isEmpty(database), 'the relay has looked once')
    await write(database, 'a')
    await until(() => invalidated.length > 0, 'the row is delivered')
    await until(() => isEmpty(database), 'the row is removed')
  })

  it('delivers to a manager whose tier is on the same connection', async () => {
    const database = await openDatabase(kind)
    const { manager, invalidated } = managerOf({
      tiers: [memory(), postgres({ ...database.options, table: 'entries', bus: false })],
      // A deadline that passes on a busy machine would have the row delivered twice, as it should.
      tierTimeout: '30s',
    })
    await manager.namespace('factors').set('a', 1)
    await database.outbox.relay(manager, { pollInterval: never })
    await write(database, 'a')
    await until(() => isEmpty(database), 'the row is removed')
    expect(invalidated).toEqual(['factors/a'])
    expect(await manager.namespace('factors').get('a')).toBeUndefined()
  })

  it('stops under load with what it has taken dealt with, and another goes on', async () => {
    const started = new Set<Timer>()
    const database = await openDatabase(kind, { runtime: countingRuntime(started) })
    const { manager, invalidated } = managerOf()
    await writeRows(database, 1000)
    const relay = await database.outbox.relay(manager, { batchSize: 10 })
    await until(() => invalidated.length > 0, 'the first rows are delivered')
    await relay.stop()
    const { delivered, pending } = await relay.stats()
    expect(delivered).toBe(invalidated.length)
    expect(pending).toBe(1000 - delivered)
    expect(pending).toBeGreaterThan(0)
    expect(started.size).toBe(0)
    if (kind !== 'PGlite') expect(await listeners(database)).toBe(0)
    await database.outbox.relay(manager)
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(invalidated.toSorted()).toEqual(allKeys(1000))
  })
})

/** Counts the timers that are pending. */
function countingRuntime(pending: Set<Timer>): Runtime {
  const runtime = systemRuntime()
  const counted = (timer: Timer): Timer => {
    const known = { cancel: () => (pending.delete(known), timer.cancel()) }
    pending.add(known)
    return known
  }
  return {
    ...runtime,
    timers: {
      every: (ms, run) => counted(runtime.timers.every(ms, run)),
      after: (ms, run) => {
        const timer = counted(
          runtime.timers.after(ms, () => {
            pending.delete(timer)
            run()
          }),
        )
        return timer
      },
    },
  }
}

async function listeners({ run }: OutboxDatabase): Promise<number> {
  const rows = await run(`select from pg_stat_activity where query ilike 'listen "tierwise_outbox%'`)
  return rows.length
}

describe('relays', () => {
  it('share the rows, each of which goes to one of them', async () => {
    const database = await openDatabase('pg')
    const other = createInvalidationOutbox(database.options)
    endLater(() => other.close())
    const [one, two] = [withStore(), managerOf()]
    await writeRows(database, 1000)
    // The first waits with its first rows for the second, so that both are at it.
    one.faults.hang('delete', { times: 1 })
    await database.outbox.relay(one.manager, { batchSize: 10 })
    await until(() => one.faults.hanging === 1, 'the first has taken rows')
    await other.relay(two.manager, { batchSize: 10 })
    await until(() => two.invalidated.length > 0, 'the second has delivered rows')
    one.faults.release()
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(one.invalidated.length).toBeGreaterThan(0)
    expect([...one.invalidated, ...two.invalidated].toSorted()).toEqual(allKeys(1000))
  })

  it('find what was committed between their first look and LISTEN', async () => {
    const database = await openDatabase('pg')
    const settings = outboxSettings(database.options)
    const port = await createPostgresPort(settings.connection, systemRuntime())
    endLater(() => port.close())
    let looks = 0
    const late: PostgresPort = {
      package: port.package,
      connect: () => port.connect(),
      query: (query) => port.query(query).finally(() => looks++),
      transaction: (work) => port.transaction(work),
      session: (work) => port.session(work),
      listen: async (channel, listener) => {
        await until(() => looks > 0, 'the relay has looked')
        await write(database, 'a')
        return port.listen(channel, listener)
      },
      close: () => port.close(),
    }
    const { manager, invalidated } = managerOf()
    const relay = new TableRelay({
      port: late,
      tables: settings.tables,
      manager,
      settings: relaySettings({ pollInterval: never }),
      runtime: systemRuntime(),
      onStopped: () => undefined,
    })
    endLater(() => relay.stop())
    await relay.start()
    await until(() => invalidated.length > 0, 'the row is delivered')
  })

  it('pass over a row that somebody holds', async () => {
    const database = await openDatabase('pg')
    const { manager, invalidated } = managerOf()
    await write(database, 'held')
    await write(database, 'free')
    let letGo: () => void = () => undefined
    const isHeld = new Promise<void>((taken) => {
      const held = database.transaction(async (tx) => {
        await (tx as { query(text: string): Promise<unknown> }).query(
          `select from ${database.table} where keys = '{held}' for update`,
        )
        taken()
        await new Promise<void>((resolve) => (letGo = resolve))
      })
      endLater(() => held)
    })
    await isHeld
    await database.outbox.relay(manager, { pollInterval: '20ms' })
    await until(() => invalidated.length > 0, 'the other row is delivered')
    expect(invalidated).toEqual(['factors/free'])
    letGo()
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(invalidated).toEqual(['factors/free', 'factors/held'])
  })

  it('hear of commits again after their connection was cut, and deliver what was written meanwhile', async () => {
    const database = await openDatabase('pg')
    const { manager, invalidated } = managerOf()
    await database.outbox.relay(manager, { pollInterval: never })
    await database.run(
      `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen "tierwise_outbox%'`,
    )
    await write(database, 'a')
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(invalidated).toEqual(['factors/a'])
  })

  it('go on by looking when LISTEN cannot be had, and say so', async () => {
    const database = await openDatabase('pg')
    const pool = new pg.Pool({ connectionString: await serverUrl(), max: 1, idleTimeoutMillis: 0 })
    endLater(() => pool.end())
    await pool.query('select 1')
    // The connection for LISTEN is made anew with the options of the pool, the one for statements is there.
    Object.assign((pool as unknown as { options: object }).options, { connectionString: 'postgres://127.0.0.1:1/none' })
    const outbox = createInvalidationOutbox({ schema: database.schema, pool })
    endLater(() => outbox.close())
    const notices: string[] = []
    const { manager, invalidated } = managerOf()
    await outbox.relay(manager, { pollInterval: '20ms', onNotice: ({ notice }) => notices.push(notice) })
    await write(database, 'a')
    await until(() => invalidated.length > 0, 'the row is delivered')
    expect(notices).toEqual(['deaf'])
  })

  it('look again for a database that was away', async () => {
    const server = await startPostgres({ config: { max_connections: '20' } })
    endLater(() => server.stop())
    const outbox = createInvalidationOutbox({ url: server.url })
    endLater(() => outbox.close())
    const notices: string[] = []
    const { manager, invalidated } = managerOf()
    const relay = await outbox.relay(manager, { pollInterval: '20ms', onNotice: ({ notice }) => notices.push(notice) })
    await server.kill()
    await until(() => notices.includes('failed'), 'the relay has noticed')
    await server.restart()
    await server.query(`insert into tierwise.outbox (namespace, keys) values ('factors', '{a}')`)
    await until(() => invalidated.length > 0, 'the row is delivered')
    await relay.stop()
  }, 60_000)

  it('end with their manager', async () => {
    const database = await openDatabase('pg')
    const { manager, invalidated } = managerOf()
    await database.outbox.relay(manager)
    expect(await listeners(database)).toBe(1)
    await manager.stop()
    await until(async () => (await listeners(database)) === 0, 'the relay has stopped')
    await write(database, 'a')
    // A manager that is stopped already takes nothing; the row stays for others, and the relay ends.
    const late = await database.outbox.relay(manager, { pollInterval: '10ms', maxAttempts: 1 })
    await until(async () => (await listeners(database)) === 0, 'the late relay has stopped')
    expect(await late.stats()).toMatchObject({ pending: 1, delivered: 0, failed: 1, setAside: 0 })
    expect(invalidated).toEqual([])
  })

  it('pass the fence on', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction } = database
    const { runtime, members } = await startFleet()
    const [a, b] = members
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', { keys: 'k', fence: 10 }))
    await outbox.relay(a!.manager)
    await until(async () => {
      await runtime.settle()
      return isEmpty(database)
    }, 'the outbox is empty')
    const load = (version: number): Promise<unknown> =>
      runtime.until(
        b!.cache.getOrSet('k', ({ setSourceVersion }) => {
          setSourceVersion(version)
          return version
        }),
      )
    expect(await load(9)).toBe(9)
    expect(b!.cache.peek('k')).toBeUndefined()
    expect(await load(10)).toBe(10)
    expect(b!.cache.peek('k')).toBe(10)
  })

  it('refuse wrong options', async () => {
    const { outbox } = await openDatabase('PGlite')
    const { manager } = managerOf()
    for (const options of [{ batchSize: 0 }, { pollInterval: 'soon' }, { maxAttempts: 1.5 }, { lissten: true }])
      await expect(outbox.relay(manager, options as object)).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    const url = await serverUrl()
    expect(() => createInvalidationOutbox({ url, tabel: 'x' } as object)).toThrow('Did you mean `table`?')
  })
})
