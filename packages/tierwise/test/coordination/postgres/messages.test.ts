import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { CoordinationStore } from '../../../src/contract/coordination.ts'
import { postgresCoordination } from '../../../src/coordination/postgres/index.ts'
import { MessageReader, partsOf } from '../../../src/coordination/postgres/messages.ts'
import { bytesOf, textIn } from '../../../src/coordination/postgres/stored-text.ts'
import { serverUrl } from '../../clients/postgres/server.ts'
import { poolOf } from './worlds.ts'

let pool: pg.Pool
let store: CoordinationStore
beforeAll(async () => {
  pool = poolOf(await serverUrl())
  store = postgresCoordination({ pool })
})
afterAll(async () => {
  await store.close()
  await pool.end()
})

describe('a message', () => {
  it('is told whole when it is larger than a notification, also while others are told', async () => {
    const heard: string[] = []
    await store.subscribe('large', (text) => void heard.push(text))
    const texts = [1, 2, 3, 4].map((each) => String(each).repeat(100_000 + each))
    await Promise.all(texts.map((text) => store.publish('large', text)))
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(4)
    expect(heard.toSorted()).toEqual(texts)
  })

  it('is refused when it would fill the queue of the server', async () => {
    await expect(store.publish('large', 'x'.repeat(1_000_000))).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_WRITE',
      operation: 'publish',
      retryable: false,
    })
  })

  it('whose beginning was missed is not told, and the next one is', () => {
    const reader = new MessageReader()
    const [first = '', second = ''] = partsOf('a', 'x'.repeat(4000))
    const [other = ''] = partsOf('a', 'next')
    expect(reader.read(second)).toBeUndefined()
    expect(reader.read(first)).toBeUndefined()
    reader.reset()
    expect(reader.read(second)).toBeUndefined()
    expect(reader.read(first)).toBeUndefined()
    expect(reader.read(other)).toBe('next')
    expect(reader.read(second)).toBeUndefined()
  })

  it.each(['', '\0', '\u{1f9ca}', '\ud800', 'x\udc00y'])('is told as it is: %j', async (text) => {
    const heard: string[] = []
    const subscription = await store.subscribe(`odd ${text}`, (each) => void heard.push(each))
    await store.publish(`odd ${text}`, text)
    await expect.poll(() => heard).toEqual([text])
    await subscription.close()
  })
})

describe('a text', () => {
  it.each(['', '\0', 'é\u{1f9ca}', '\ud800', '\udfff', '\ufffd', 'ÿ', '\u00ff\u00ff'])(
    'has its own bytes: %j',
    (text) => {
      expect(textIn(bytesOf(text))).toBe(text)
    },
  )

  it('with half of a pair is not taken for another one', async () => {
    for (const key of ['\ud800', '\udc00', '\ufffd']) await store.write(`half ${key}`, key, { onlyIf: 'absent' })
    for (const key of ['\ud800', '\udc00', '\ufffd'])
      expect(await store.read(`half ${key}`)).toMatchObject({ value: key })
  })
})

describe('the connection that listens', () => {
  it('is one for all channels, and gone with the store', async () => {
    const own = postgresCoordination({ pool, table: 'listening' })
    const listeners = async (): Promise<number> =>
      (await pool.query(`select from pg_stat_activity where datname = current_database() and query ilike 'listen%'`))
        .rowCount ?? 0
    const before = await listeners()
    await own.open()
    expect(await listeners()).toBe(before)
    const subscriptions = await Promise.all(['a', 'b', 'c'].map((each) => own.subscribe(each, () => undefined)))
    for (const subscription of subscriptions) await subscription.close()
    await own.subscribe('d', () => undefined)
    expect(await listeners()).toBe(before + 1)
    await own.close()
    await expect.poll(listeners).toBe(before)
  })
})
