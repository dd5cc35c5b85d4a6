import { describe, expect, it } from 'vitest'

import { createInvalidationOutbox, type OutboxNotice } from '../../../../src/tiers/postgres/index.ts'
import { serverUrl } from '../../../clients/postgres/server.ts'
import { runChild } from './child-process.ts'
import { endLater, isEmpty, managerOf, openDatabase, until, withStore } from './outbox-database.ts'

describe('a row', () => {
  it('stays while the store is down, and is delivered after', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction } = database
    const { manager, faults, invalidated } = withStore()
    const cache = manager.namespace('factors')
    await cache.set('steel', 1)
    await cache.set('glass', 2, { tags: ['red'] })
    faults.fail('delete').fail('tags')
    const notices: OutboxNotice[] = []
    const options = {
      pollInterval: '20ms',
      maxAttempts: 1,
      onNotice: (notice: OutboxNotice) => notices.push(notice),
    } as const
    const relay = await outbox.relay(manager, options)
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', 'steel'))
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', { tags: ['red'] }))
    await until(async () => (await relay.stats()).failed >= 4, 'both have failed twice')
    expect(await relay.stats()).toMatchObject({ pending: 2, delivered: 0, setAside: 0 })
    await transaction((tx) => outbox.invalidateInTx(tx, 'local', 'quick'))
    await until(() => invalidated.includes('local/quick'), 'a namespace that is well goes on')
    expect(notices.every(({ notice }) => notice === 'failed')).toBe(true)
    expect(notices[0]?.detail).toContain('factors')
    faults.clear()
    await until(() => isEmpty(database), 'the outbox is empty')
    expect((await relay.stats()).delivered).toBe(3)
    expect(faults.callsOf('tags').at(-1)?.keys.join()).toContain('red')
    expect([...(await cache.getMany(['steel', 'glass'])).keys()]).toEqual([])
  })

  it.each(['keys', 'tags'] as const)(
    'of %s is not believed delivered while the store lets nobody near',
    async (kind) => {
      const database = await openDatabase('pg')
      const { outbox, transaction } = database
      const { manager, faults } = withStore()
      const cache = manager.namespace('factors')
      // The breaker is open before the row comes, so that nothing is even sent.
      faults.fail('*')
      await cache.set('steel', 1)
      for (let attempt = 0; attempt < 10; attempt++) await cache.delete('steel')
      const relay = await outbox.relay(manager, { pollInterval: '20ms' })
      const change = kind === 'keys' ? ['steel'] : { tags: ['red'] }
      await transaction((tx) => outbox.invalidateInTx(tx, 'factors', change))
      await until(async () => (await relay.stats()).failed > 0, 'it has failed')
      expect((await relay.stats()).pending).toBe(1)
      faults.clear()
      await until(() => isEmpty(database), 'the outbox is empty')
    },
  )

  it('of tags is not believed delivered while the store is not open yet', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction } = database
    const { manager, faults } = withStore()
    faults.fail('open')
    const relay = await outbox.relay(manager, { pollInterval: '20ms' })
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', { tags: ['red'] }))
    await until(async () => (await relay.stats()).failed > 0, 'it has failed')
    expect(await relay.stats()).toMatchObject({ pending: 1, delivered: 0 })
    faults.clear()
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(faults.callsOf('tags').flatMap(({ keys }) => keys)).toContain('factors:red')
  })

  it('is not tried all the time while the store is down', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction } = database
    const { manager, faults, invalidated } = withStore()
    faults.fail('delete')
    const relay = await outbox.relay(manager, { pollInterval: '5ms' })
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', 'steel'))
    await until(async () => (await relay.stats()).failed > 0, 'it has failed')
    const since = performance.now()
    for (let number = 0; number < 20; number++) {
      await transaction((tx) => outbox.invalidateInTx(tx, 'local', `k${number}`))
      await until(() => invalidated.includes(`local/k${number}`), 'others are delivered')
    }
    // The first pause is at least a quarter of a second, and each is twice the one before.
    const most = 2 + Math.log2(1 + (performance.now() - since) / 250)
    expect((await relay.stats()).failed).toBeLessThanOrEqual(most)
    faults.clear()
    await until(() => isEmpty(database), 'the outbox is empty')
  })

  it('is delivered by another relay when the process dies between invalidation and removal', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction, schema } = database
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', ['steel', 'glass']))
    const child = await runChild('dying-relay', [await serverUrl(), schema])
    expect(child).toEqual({ signal: 'SIGKILL', output: 'steel,glass', errors: '' })
    expect((await outbox.backlog()).pending).toBe(1)
    const { manager, invalidated } = managerOf()
    const relay = await outbox.relay(manager, { pollInterval: '20ms' })
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(invalidated).toEqual(['factors/steel', 'factors/glass'])
    expect((await relay.stats()).delivered).toBe(1)
  }, 60_000)

  it('that a relay is about to deliver is left to it', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction } = database
    const slow = withStore()
    slow.faults.hang('delete')
    await outbox.relay(slow.manager)
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', 'slow'))
    await until(() => slow.faults.hanging === 1, 'the first relay has taken it')
    const { manager, invalidated } = managerOf()
    const other = await outbox.relay(manager, { pollInterval: '10ms', batchSize: 1 })
    for (const key of ['a', 'b', 'c']) {
      await transaction((tx) => outbox.invalidateInTx(tx, 'factors', key))
      await until(() => invalidated.includes(`factors/${key}`), 'the other relay goes on')
    }
    slow.faults.clear()
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(invalidated).toEqual(['factors/a', 'factors/b', 'factors/c'])
    expect(slow.invalidated).toEqual(['factors/slow'])
    expect((await other.stats()).delivered).toBe(3)
  })

  it('that a relay is about to deliver is waited for when the relay stops', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction } = database
    const { manager, faults } = withStore()
    faults.hang('delete')
    const relay = await outbox.relay(manager, { pollInterval: '10ms', listen: false })
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', 'slow'))
    await until(() => faults.hanging === 1, 'the relay has taken it')
    let isStopped = false
    const stopping = relay.stop().then(() => (isStopped = true))
    expect((await outbox.backlog()).pending).toBe(1)
    expect(isStopped).toBe(false)
    faults.clear()
    await stopping
    expect(await isEmpty(database)).toBe(true)
  })

  it('is delivered again when it could not be removed', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction, run, table, schema } = database
    const quoted = `"${schema.replaceAll('"', '""')}"`
    await run(`create sequence ${quoted}.removals`)
    await run(`create function ${quoted}.refuse_once() returns trigger language plpgsql as $$ begin
      if nextval('${quoted}.removals') = 1 then raise 'no'; end if; return old; end $$`)
    await run(`create trigger refuse before delete on ${table} for each row execute function ${quoted}.refuse_once()`)
    const { manager, invalidated } = managerOf()
    const relay = await outbox.relay(manager, { redeliverAfter: '300ms', pollInterval: '20ms' })
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', 'steel'))
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(invalidated).toEqual(['factors/steel', 'factors/steel'])
    expect((await relay.stats()).delivered).toBe(1)
  })

  it('that nobody can deliver is set aside and holds up no other', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction, run, table } = database
    const { manager, invalidated } = managerOf({ namespaces: { factors: {} }, strictNamespaces: true })
    await transaction((tx) => outbox.invalidateInTx(tx, 'unknown', 'k'))
    await run(
      `insert into ${table} (namespace, keys) values ('factors', array[repeat('x', 5000)]), ('factors', '{good}')`,
    )
    await run(
      `insert into ${table} (namespace, keys) values ('factors', array[null]), ('a:b', '{k}'), ('factors', '{}')`,
    )
    const notices: OutboxNotice[] = []
    const onNotice = (notice: OutboxNotice): void => void notices.push(notice)
    const relay = await outbox.relay(manager, { pollInterval: '20ms', maxAttempts: 2, onNotice })
    await until(() => invalidated.length > 0, 'the good one is delivered')
    await until(async () => (await relay.stats()).setAside === 4, 'the others are set aside')
    expect(invalidated).toEqual(['factors/good'])
    expect(await relay.stats()).toMatchObject({ pending: 0, oldestMs: undefined, delivered: 2, failed: 8 })
    expect(notices.map(({ notice, row }) => `${notice} ${row?.namespace}`).sort()).toEqual([
      'set-aside a:b',
      'set-aside factors',
      'set-aside factors',
      'set-aside unknown',
    ])
    const rows = await run(`select namespace, attempts, error from ${table} order by id`)
    expect(rows[0]).toEqual({ namespace: 'unknown', attempts: 2, error: expect.stringContaining('ERR_CACHE_OPTION') })

    // A later release knows the namespace.
    const later = managerOf()
    await relay.stop()
    await outbox.relay(later.manager, { maxAttempts: 1 })
    expect(await outbox.retrySetAside()).toBe(4)
    await until(async () => (await outbox.backlog()).setAside === 3, 'three are set aside again')
    expect(later.invalidated).toEqual(['unknown/k'])
  })

  it('with many keys is delivered in parts that a tier can take in time', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction } = database
    const { manager, faults, invalidated } = withStore()
    await outbox.relay(manager)
    await transaction((tx) =>
      outbox.invalidateInTx(
        tx,
        'factors',
        Array.from({ length: 2500 }, (_, index) => `k${index}`),
      ),
    )
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(invalidated.length).toBe(2500)
    expect(faults.callsOf('delete').map(({ keys }) => keys.length)).toEqual([1000, 1000, 500])
  })
})

describe('a notice', () => {
  it('that its receiver cannot take stops nothing', async () => {
    const database = await openDatabase('pg')
    const { outbox, transaction } = database
    const { manager, invalidated } = managerOf({ namespaces: { factors: {} }, strictNamespaces: true })
    const onNotice = (): void => {
      throw new Error('not now')
    }
    await outbox.relay(manager, { maxAttempts: 1, onNotice })
    await transaction((tx) => outbox.invalidateInTx(tx, 'unknown', 'k'))
    await until(async () => (await outbox.backlog()).setAside === 1, 'it is set aside')
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', 'k'))
    await until(() => invalidated.length > 0, 'the next one is delivered')
    const other = createInvalidationOutbox(database.options)
    endLater(() => other.close())
    expect((await other.backlog()).setAside).toBe(1)
  })
})
