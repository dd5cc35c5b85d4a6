import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { postgresCoordination } from '../../../src/coordination/postgres/index.ts'
import { coordinationNames } from '../../../src/coordination/postgres/names.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { serverUrl } from '../../clients/postgres/server.ts'
import { freshTable, poolOf, stillClock } from './worlds.ts'

let pool: pg.Pool
let url: string
beforeAll(async () => {
  url = await serverUrl()
  pool = poolOf(url, 6)
})
afterAll(() => pool.end())

const never = '1d'
const rule = { kind: 'sliding-window', limit: 9, periodMs: 50 } as const

async function countIn(table: string): Promise<number> {
  return Number((await pool.query(`select count(*) from ${table}`)).rows[0].count)
}

describe('what has ended', () => {
  it('is removed by the sweep, and nothing else', async () => {
    const table = freshTable()
    const { entries, members } = coordinationNames('tierwise', table)
    const store = postgresCoordination({ pool, table, sweepInterval: never })
    await store.open()
    const clock = await stillClock((text) => pool.query(text), table)
    const ttlMs = 50
    for (let index = 0; index < 300; index++) await store.write(`text ${index}`, 'x', { ttlMs })
    await store.enter('ending', [{ member: 'x', ttlMs }])
    await store.enter('half', [{ member: 'x', ttlMs }, { member: 'y' }])
    await store.setFields('fields', { x: '1', y: '2' }, ttlMs)
    await store.rank('ranked', [{ member: 'x', score: 1 }], { ttlMs })
    await store.acquire('lock', 'x', { ttlMs })
    await store.acquire('lock', 'y', { ttlMs, waitMs: ttlMs })
    await store.take('limit', rule, { cost: 2 })
    await store.write('stays', 'x', {})
    // A set that was for ever, and whose members then got an end.
    await store.enter('tamed', [{ member: 'x' }])
    await store.enter('tamed', [{ member: 'x', ttlMs }])
    await clock.advance(50)
    const sweeping = postgresCoordination({ pool, table, sweepInterval: 10 })
    await sweeping.open()
    await expect.poll(() => countIn(entries), { timeout: 10_000 }).toBe(2)
    await expect.poll(() => countIn(members), { timeout: 10_000 }).toBe(1)
    expect(await store.members('half')).toEqual(['y'])
    expect(await store.read('stays')).toMatchObject({ value: 'x' })
    await sweeping.close()
    await store.close()
  })

  it('is left where a step is at the key, and where it has begun again meanwhile', async () => {
    const table = freshTable()
    const { entries, fn } = coordinationNames('tierwise', table)
    const store = postgresCoordination({ pool, table, sweepInterval: never })
    await store.open()
    const clock = await stillClock((text) => pool.query(text), table)
    for (const key of ['slow', 'again', 'busy', 'over']) await store.write(key, 'old', { ttlMs: 50 })
    await clock.advance(50)
    const step = await pool.connect()
    await step.query('begin')
    await step.query(`select ${fn('lock')}('busy'::bytea)`)
    // The sweep has seen all keys when it comes to a row that somebody holds.
    const holder = await pool.connect()
    await holder.query('begin')
    await holder.query(`select from ${entries} where key = 'slow'::bytea for update`)
    const sweep = pool.query(`select ${fn('sweep_keys')}('(0,0)', '(100,0)', 200) as removed`)
    const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%sweep_keys%'`
    await expect.poll(async () => (await pool.query(waiting)).rowCount, { timeout: 5000 }).toBe(1)
    await store.write('again', 'new', {})
    await holder.query('commit')
    expect((await sweep).rows).toEqual([{ removed: 2 }])
    await step.query('commit')
    for (const client of [step, holder]) client.release()
    expect(await store.read('again')).toMatchObject({ value: 'new' })
    const left = await pool.query(`select key from ${entries} order by key`)
    expect(left.rows.map(({ key }) => String(key))).toEqual(['again', 'busy'])
    await store.close()
  })

  it('is swept while steps go on, and no two of them wait for each other', async () => {
    const table = freshTable()
    const { seed, int } = seededRandom(Math.trunc(performance.timeOrigin + performance.now()))
    const stores = [1, 2, 3].map(() => postgresCoordination({ url, table, sweepInterval: 5, maxConnections: 6 }))
    const steps = async (worker: number): Promise<void> => {
      const store = stores[worker % 3] as (typeof stores)[number]
      for (let step = 0; step < 60; step++) {
        const [key, ttlMs, owner] = [int(3), 1 + int(20), String(worker)]
        await store.write(`text ${key}`, 'x', { ttlMs, onlyIf: 'absent' })
        await store.enter(`set ${key}`, [
          { member: owner, ttlMs },
          { member: 'x', ttlMs },
        ])
        await store.leave(`set ${key}`, [owner])
        await store.setFields(`fields ${key}`, { [owner]: '1' }, ttlMs)
        await store.rank(`ranked ${key}`, [{ member: owner, score: step }], { keep: 3, ttlMs })
        await store.take(`limit ${key}`, rule, { cost: 1 })
        const { kind } = await store.acquire(`lock ${key}`, owner, { ttlMs, waitMs: ttlMs })
        if (kind === 'granted') await store.release(`lock ${key}`, owner)
        if (int(10) === 0) await store.remove(`set ${key}`)
      }
    }
    try {
      await expect(Promise.all(Array.from({ length: 12 }, (_, worker) => steps(worker)))).resolves.toHaveLength(12)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    } finally {
      for (const store of stores) await store.close()
    }
  }, 60_000)
})
