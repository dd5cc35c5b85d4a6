import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Tier } from '../../../src/contract/tier.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { serverUrl } from '../../clients/postgres/server.ts'
import { openedTier, readText, readTexts, record, tierWithHash } from './opened-tier.ts'

let url: string
let pool: pg.Pool
beforeAll(async () => {
  url = await serverUrl()
  pool = new pg.Pool({ connectionString: url, max: 20 })
})
afterAll(() => pool.end())

let schemas = 0
function freshSchema(): string {
  return `tier_${schemas++}`
}
const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `tw:1:users:${index}`)

describe('statements', () => {
  it('are one for all that is asked in a tick, by whomever', async () => {
    const sent: string[] = []
    const counting = countingPool((text) => void sent.push(text))
    const { tier } = await openedTier({ pool: counting, schema: freshSchema() })
    const keys = numbered(50)
    sent.length = 0
    await Promise.all(keys.map((key, index) => tier.set([record(key, index + 1)])))
    expect(sent).toHaveLength(1)
    sent.length = 0
    const laterCaller = async (key: string): Promise<string | undefined> => {
      await Promise.resolve()
      await Promise.resolve()
      return readText(tier, key)
    }
    const texts = await Promise.all(keys.map((key, index) => (index % 2 ? readText(tier, key) : laterCaller(key))))
    expect(texts).toEqual(keys.map((key) => `text of ${key}`))
    expect(sent).toHaveLength(1)
    sent.length = 0
    await Promise.all(keys.map((key, index) => tier.delete([key], 100 + index)))
    expect(sent).toHaveLength(1)
    await tier.close()
    await counting.end()
  })

  it('are cut where many records or many bytes come together, and few run at once', async () => {
    let running = 0
    let mostRunning = 0
    let count = 0
    const counting = countingPool(() => {
      count++
      mostRunning = Math.max(mostRunning, ++running)
      return () => void running--
    })
    const schema = freshSchema()
    const { tier } = await openedTier({ pool: counting, schema })
    count = 0
    await tier.set(numbered(2500).map((key) => record(key, 1)))
    expect(count).toBe(3)
    count = 0
    const large = Array.from({ length: 20 }, (_, index) => ({
      ...record(`tw:1:b:${index}`, 1),
      bytes: Buffer.alloc(2 ** 20),
    }))
    await Promise.all(large.map((each) => tier.set([each])))
    expect(count).toBe(3)
    const locker = await pool.connect()
    await locker.query(`begin; lock table ${schema}.entries in access exclusive mode`)
    mostRunning = 0
    const reads: Promise<unknown>[] = []
    for (let tick = 0; tick < 10; tick++) {
      reads.push(readText(tier, 'tw:1:users:1'))
      await new Promise(setImmediate)
    }
    await expect.poll(() => mostRunning).toBe(4)
    count = 0
    await locker.query('commit')
    locker.release()
    await Promise.all(reads)
    // What came while four were under way went into one.
    expect(count).toBe(1)
    expect(mostRunning).toBe(4)
    await tier.close()
    await counting.end()
  })

  it('leave nothing prepared on a connection when they may not', async () => {
    const single = new pg.Pool({ connectionString: url, max: 1 })
    const { tier } = await openedTier({ pool: single, schema: freshSchema(), prepare: false })
    await tier.set([record('tw:a', 1)])
    expect(await readText(tier, 'tw:a')).toBe('text of tw:a')
    await tier.delete(['tw:a'], 2)
    expect((await single.query('select name from pg_prepared_statements')).rows).toEqual([])
    await tier.close()
    await single.end()
  })
})

describe('keys', () => {
  it('that share a hash are never taken for each other', async () => {
    const tier = await tierWithHash({ pool }, { schema: freshSchema(), hashOf: () => '42' })
    expect(await tier.set([record('tw:a', 10)])).toEqual(['applied'])
    expect(await readTexts(tier, ['tw:a', 'tw:b'])).toEqual(['text of tw:a', undefined])
    expect(await tier.delete(['tw:b'], 5)).toEqual([false])
    expect(await readText(tier, 'tw:a')).toBe('text of tw:a')
    expect(await tier.set([record('tw:b', 20)])).toEqual(['applied'])
    expect(await readTexts(tier, ['tw:a', 'tw:b'])).toEqual([undefined, 'text of tw:b'])
    expect(await tier.delete(['tw:a'], 30)).toEqual([false])
    expect(await tier.set([record('tw:a', 29)])).toEqual(['superseded'])
    expect(await tier.set([record('tw:a', 31), record('tw:b', 32), record('tw:a', 33)])).toEqual([
      'applied',
      'applied',
      'applied',
    ])
    expect(await readTexts(tier, ['tw:a', 'tw:b'])).toEqual(['text of tw:a', undefined])
    await tier.close()
  })

  it('and names of tables that look like SQL are only names', async () => {
    await pool.query('create table public.victims (n int)')
    const evil = `x"; drop table public.victims; --`
    const options = { pool, schema: `${evil} '$1`, table: `t'"; drop table public.victims; --` }
    const { tier } = await openedTier(options)
    const keys = [evil, `'; drop table public.victims; --`, `\\'; delete from public.victims; --`, '$1', '{"a",b}']
    await tier.set(keys.map((key) => record(key, 1)))
    expect(await readTexts(tier, keys)).toEqual(keys.map((key) => `text of ${key}`))
    await tier.clear(evil, 2)
    expect(await readTexts(tier, keys)).toEqual(keys.map((key) => (key === evil ? undefined : `text of ${key}`)))
    expect((await tier.tags?.invalidate(keys, 0)) ?? 0).toBe(1)
    expect([...((await tier.tags?.load())?.marks.keys() ?? [])].toSorted()).toEqual(keys.toSorted())
    await tier.usage()
    await tier.close()
    expect((await pool.query('select count(*)::int as n from public.victims')).rows).toEqual([{ n: 0 }])
  })
})

describe('writers', () => {
  it.each(['set', 'delete'] as const)(
    'that %s the same keys the other way round do not wait in a circle',
    async (verb) => {
      const schema = freshSchema()
      const [first, second] = await Promise.all([1, 2].map(() => openedTier({ pool, schema })))
      const keys = numbered(40)
      await first?.tier.set(keys.map((key) => record(key, 1)))
      const other = await pool.connect()
      await other.query('begin')
      await other.query(`select from ${schema}.entries where key = any($1) for update`, [
        keys.slice(18, 22).map((key) => Buffer.from(key)),
      ])
      const change = async (tier: Tier | undefined, order: readonly string[]): Promise<unknown> =>
        verb === 'set' ? tier?.set(order.map((key) => record(key, 2))) : tier?.delete(order, 2)
      const changes = [change(first?.tier, keys), change(second?.tier, keys.toReversed())]
      // Each holds what comes before the locked rows in its order, and waits.
      await expect.poll(() => waitingStatements(schema)).toBe(2)
      await other.query('commit')
      other.release()
      await Promise.all(changes)
      for (const opened of [first, second]) await opened?.tier.close()
    },
  )

  it('of the same keys in any order never deadlock, and the newest write of each key stays', async () => {
    const schema = freshSchema()
    const seed = 20_261_121
    const random = seededRandom(seed)
    const tiers = await Promise.all(Array.from({ length: 8 }, () => openedTier({ pool, schema })))
    const keys = numbered(60)
    const newest = new Map<string, { version: number; text: string | undefined }>()
    let version = 0
    const write = async ({ tier }: (typeof tiers)[number]): Promise<void> => {
      for (let round = 0; round < 25; round++) {
        const chosen = keys.filter(() => random() < 0.5).toSorted(() => random() - 0.5)
        const isDeletion = random() < 0.2
        const at = ++version
        for (const key of chosen) newest.set(key, { version: at, text: isDeletion ? undefined : `${at} of ${key}` })
        if (isDeletion) await tier.delete(chosen, at)
        else await tier.set(chosen.map((key) => record(key, at, { text: `${at} of ${key}` })))
      }
    }
    await Promise.all(tiers.map(write))
    const [first] = tiers
    const held = await readTexts(first?.tier ?? (Promise.reject(new Error('no tier')) as never), keys)
    expect(held, `seed ${seed}`).toEqual(keys.map((key) => newest.get(key)?.text))
    for (const { tier } of tiers) await tier.close()
  })
})

describe('clear', () => {
  it('refuses what began before it, for an hour', async () => {
    const schema = freshSchema()
    const { tier } = await openedTier({ pool, schema })
    await tier.set([record('tw:1:n:a', 10)])
    await tier.clear('tw:1:n:', 20)
    expect(await tier.set([record('tw:1:n:a', 20), record('tw:1:n:b', 30, { ifNotAfter: 19 })])).toEqual([
      'superseded',
      'superseded',
    ])
    expect(await tier.set([record('tw:1:n:a', 21), record('tw:1:n2:a', 1)])).toEqual(['applied', 'applied'])
    await tier.close()
    const again = await openedTier({ pool, schema })
    expect(await again.tier.set([record('tw:1:n:c', 20)])).toEqual(['superseded'])
    await again.tier.close()
  })

  it('waits for a writer that began before it and does not know of it', async () => {
    const schema = freshSchema()
    const { tier } = await openedTier({ pool, schema })
    await tier.set([record('tw:1:n:locked', 1)])
    const other = await pool.connect()
    await other.query('begin')
    await other.query(`select from ${schema}.entries for update`)
    // The writer holds its snapshot from now on, and waits for the row.
    const writing = tier.set([record('tw:1:n:late', 5), record('tw:1:n:locked', 5)])
    await expect.poll(() => waitingStatements(schema)).toBeGreaterThan(0)
    const clearing = tier.clear('tw:1:n:', 10)
    await expect
      .poll(async () => (await pool.query(`select from pg_locks where not granted`)).rowCount)
      .toBeGreaterThan(1)
    await other.query('commit')
    other.release()
    await Promise.all([writing, clearing])
    expect(await readTexts(tier, ['tw:1:n:late', 'tw:1:n:locked'])).toEqual([undefined, undefined])
    await tier.close()
  })

  it('goes on while somebody reads the table of floors for long', async () => {
    const schema = freshSchema()
    const { tier } = await openedTier({ pool, schema })
    await tier.set(numbered(10).map((key) => record(key, 1)))
    const dump = await pool.connect()
    await dump.query('begin')
    await dump.query(`lock table ${schema}.entries_floors in access share mode`)
    await tier.clear('tw:1:users:', 2)
    expect(new Set(await readTexts(tier, numbered(10)))).toEqual(new Set([undefined]))
    expect(await tier.set([record('tw:1:users:1', 2)])).toEqual(['superseded'])
    await dump.query('rollback')
    dump.release()
    await tier.close()
  })

  it('removes many records in steps, and readers and writers of others go on', async () => {
    const schema = freshSchema()
    const { tier } = await openedTier({ pool, schema })
    for (let from = 0; from < 20_000; from += 1000) {
      await tier.set(Array.from({ length: 1000 }, (_, index) => record(`tw:1:many:${from + index}`, 1, { text: 'x' })))
    }
    await tier.set([record('tw:1:other:a', 1)])
    const clearing = tier.clear('tw:1:many:', 2)
    let isDone = false
    void clearing.finally(() => (isDone = true))
    let turns = 0
    for (let version = 2; !isDone; version++) {
      expect(await tier.set([record('tw:1:other:a', version, { text: String(version) })])).toEqual(['applied'])
      expect(await readText(tier, 'tw:1:other:a')).toBe(String(version))
      turns++
    }
    await clearing
    expect(turns).toBeGreaterThan(2)
    expect((await tier.usage()).entries).toBe(1)
    await tier.close()
  })
})

describe('background', () => {
  it('removes what has expired, marks of deletions and floors included, and reports it', async () => {
    const runtime = fakeRuntime()
    const schema = freshSchema()
    const { tier, events } = await openedTier({ pool, schema, sweepInterval: '1m' }, runtime)
    const now = runtime.clock.now()
    await tier.set(numbered(1500).map((key) => record(key, 1, { expiresAt: now + 1000 })))
    await tier.set([record('tw:1:kept:a', 1, { expiresAt: now + 10 * 3_600_000 })])
    await tier.delete(['tw:1:gone:a'], 1)
    await tier.clear('tw:1:cleared:', 1)
    const rows = async (): Promise<unknown> =>
      (
        await pool.query(
          `select (select count(*)::int from ${schema}.entries) as entries, (select count(*)::int from ${schema}.entries_floors) as floors`,
        )
      ).rows[0]
    expect(await rows()).toEqual({ entries: 1502, floors: 1 })
    await runtime.advance(91_000)
    await expect.poll(rows).toEqual({ entries: 2, floors: 1 })
    await expect.poll(() => sumOf(events, 'expired')).toBe(1500)
    for (let minute = 0; minute < 12; minute++) {
      await runtime.advance(15 * 60_000)
      await new Promise((resolve) => setTimeout(resolve, 30)) // lets the statements of the server come back
    }
    await expect.poll(rows).toEqual({ entries: 1, floors: 0 })
    await tier.close()
    expect(runtime.pendingTimers).toEqual([])
  })

  it('keeps below the quota, those written first go first', async () => {
    const runtime = fakeRuntime()
    const { tier, events } = await openedTier(
      { pool, schema: freshSchema(), maxBytes: '2mb', sweepInterval: '1h' },
      runtime,
    )
    const text = 'x'.repeat(10_000)
    for (let at = 0; at < 400; at++) {
      await tier.set([record(`tw:1:users:${at}`, 1, { text })])
      await runtime.advance(1)
    }
    await expect.poll(async () => (await tier.usage()).bytes, { timeout: 5000 }).toBeLessThan(2.3 * 2 ** 20)
    await expect.poll(() => sumOf(events, 'capacity')).toBeGreaterThan(150)
    const texts = await readTexts(tier, numbered(400))
    expect(texts.slice(0, 100)).toEqual(Array.from({ length: 100 }))
    expect(texts.slice(300)).toEqual(Array.from({ length: 100 }, () => text))
    await tier.close()
  })

  it('tells by the time of writing what goes first, wherever it lies', async () => {
    const runtime = fakeRuntime()
    const schema = freshSchema()
    const { tier } = await openedTier({ pool, schema, maxBytes: '1mb', sweepInterval: '1m' }, runtime)
    await pool.query(
      `insert into ${schema}.entries
       select n, 1, 1, 'infinity', 1000 - n, 10000, n::text::bytea, repeat('x', 10000)::bytea from generate_series(1, 200) n`,
    )
    await runtime.advance(91_000)
    const left = async (): Promise<unknown> =>
      (await pool.query(`select count(*)::int as count, max(hash)::int as oldest from ${schema}.entries`)).rows[0]
    // 90 % of the quota are 94 records of 10 000 bytes.
    await expect.poll(left).toEqual({ count: 94, oldest: 94 })
    await tier.close()
  })

  it('is done by one process at a time', async () => {
    const runtime = fakeRuntime()
    const schema = freshSchema()
    const sent: string[] = []
    const counting = countingPool((text) => void sent.push(text))
    const inStep = { ...runtime, random: () => 0.5 }
    const options = { pool: counting, schema, sweepInterval: '1m' } as const
    const tiers = await Promise.all([1, 2, 3].map(() => openedTier(options, inStep)))
    sent.length = 0
    await runtime.advance(60_000)
    const countOf = (part: string): number => sent.filter((text) => text.includes(part)).length
    await expect.poll(() => countOf('sweep_after')).toBe(3)
    for (const { tier } of tiers) await tier.close()
    expect(countOf('pg_relation_size')).toBe(1)
    await counting.end()
  })

  it('estimates a large table by some of its pages', async () => {
    const schema = freshSchema()
    const { tier } = await openedTier({ pool, schema, maxBytes: '1gb' })
    await pool.query(
      `insert into ${schema}.entries select n, 1, 1, 'infinity', 1, 1000, n::text::bytea, repeat('x', 900)::bytea from generate_series(1, 40000) n`,
    )
    const { entries, bytes = 0 } = await tier.usage()
    expect(entries).toBeGreaterThan(35_000)
    expect(entries).toBeLessThan(45_000)
    expect(bytes / entries).toBeCloseTo(1000, 0)
    await tier.close()
  })

  it('refuses a record that is too large for the quota', async () => {
    const { tier, events } = await openedTier({ pool, schema: freshSchema(), maxBytes: '1mb' })
    const large = record('tw:1:users:large', 1, { text: 'x'.repeat(140_000) })
    expect(await tier.set([record('tw:1:users:a', 1), large, record('tw:1:users:b', 1)])).toEqual([
      'applied',
      'refused',
      'applied',
    ])
    expect(events).toEqual([{ type: 'evict', tier: 'postgres', namespace: 'users', reason: 'too-large', count: 1 }])
    await tier.close()
  })
})

/** A pool that tells of each statement, and of its end to whoever asks for it. */
function countingPool(onStatement: (text: string) => (() => void) | void): pg.Pool {
  const counting = new pg.Pool({ connectionString: url })
  const query = counting.query.bind(counting) as (config: { text: string }) => Promise<pg.QueryResult>
  const counted = (config: { text: string }): Promise<pg.QueryResult> => {
    const onEnd = onStatement(config.text)
    return query(config).finally(() => onEnd?.())
  }
  return Object.assign(counting, { query: counted })
}

async function waitingStatements(schema: string): Promise<number> {
  const { rows } = await pool.query(
    `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and query like '%' || $1 || '%'`,
    [schema],
  )
  return (rows[0] as { n: number }).n
}

function sumOf(events: Awaited<ReturnType<typeof openedTier>>['events'], reason: string): number {
  return events.reduce((sum, event) => (event.type === 'evict' && event.reason === reason ? sum + event.count : sum), 0)
}
