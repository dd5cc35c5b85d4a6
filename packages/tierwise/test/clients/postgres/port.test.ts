import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { PostgresPort } from '../../../src/clients/postgres/port.ts'
import { connections, openPort, type Connection } from './connected-ports.ts'
import { serverUrl } from './server.ts'

for (const [name, make] of Object.entries(connections)) {
  describe(`port on ${name}`, () => {
    let connection: Connection
    let port: PostgresPort
    beforeAll(async () => {
      connection = await make(await serverUrl())
      port = await openPort(connection.options)
    })
    afterAll(async () => {
      await port.close()
      await connection.end()
    })

    it('connects as often as it is asked', async () => {
      await port.connect()
      await port.connect()
    })

    it('gives columns the types that every package gives them', async () => {
      const [row] = await port.query({
        text: `select '\\x00ff'::bytea as some_bytes, 9007199254740993::bigint as big_number, 7 as number, 1.5::float8 as double,
          12.50::numeric as exact, true as yes, null::text as nothing, '{"a": [1]}'::jsonb as document, '2'::json as two,
          '2026-01-02 03:04:05.123456+00'::timestamptz as instant, 'text' as text, '{a,b}'::text[] as list,
          '2026-01-02'::date as day, '{1,2}'::bigint[] as numbers`,
      })
      expect({ ...row, some_bytes: [...bytesOf(row, 'some_bytes')] }).toEqual({
        some_bytes: [0, 255],
        big_number: '9007199254740993',
        number: 7,
        double: 1.5,
        exact: '12.50',
        yes: true,
        nothing: null,
        document: { a: [1] },
        two: 2,
        instant: new Date('2026-01-02T03:04:05.123Z'),
        text: 'text',
        list: '{a,b}',
        day: '2026-01-02',
        numbers: '{1,2}',
      })
    })

    it('takes parameters of every kind as they are', async () => {
      const odd = `a"b\\c'd,{}\n é \u{1f9ca} $1`
      const [row] = await port.query({
        text: `select $1::text as text, $2::bigint as number, $3::boolean as no, $4::text as nothing, $5::bytea as bytes,
          ($6::text[])[1] as item, ($6::text[])[2] as absent, cardinality($7::text[]) as none,
          ($8::bigint[])[1] as least, ($9::bytea[])[2] as second, $10::jsonb as document, $11::float8 as fraction`,
        values: [
          odd,
          '9007199254740993',
          false,
          null,
          Uint8Array.of(0, 1, 255),
          [odd, null],
          [],
          ['-9223372036854775808', 1],
          [new Uint8Array(0), Uint8Array.of(92, 0, 34)],
          '{"a":"b"}',
          0.1,
        ],
      })
      expect({ ...row, bytes: [...bytesOf(row, 'bytes')], second: [...bytesOf(row, 'second')] }).toEqual({
        text: odd,
        number: '9007199254740993',
        no: false,
        nothing: null,
        bytes: [0, 1, 255],
        item: odd,
        absent: null,
        none: 0,
        least: '-9223372036854775808',
        second: [92, 0, 34],
        document: { a: 'b' },
        fraction: 0.1,
      })
    })

    it('sends a view of a larger buffer as the view', async () => {
      const view = Uint8Array.from({ length: 100 }, (_, index) => index).subarray(10, 13)
      const [row] = await port.query({
        text: 'select $1::bytea as one, ($2::bytea[])[1] as other',
        values: [view, [view]],
      })
      expect([...bytesOf(row, 'one'), ...bytesOf(row, 'other')]).toEqual([10, 11, 12, 10, 11, 12])
    })

    it('runs a named statement again with other values', async () => {
      const run = (text: string) => port.query({ name: 'again', text: 'select $1::text as text', values: [text] })
      const rows = await Promise.all(['a', 'b', 'c'].map(run))
      expect(rows).toEqual([[{ text: 'a' }], [{ text: 'b' }], [{ text: 'c' }]])
    })

    it('commits what a transaction did, and rolls back when it fails', async () => {
      await port.query({ text: 'create table if not exists written (n int)' })
      await port.query({ text: 'delete from written' })
      const insert = { text: 'insert into written values ($1::int)', values: [1] }
      expect(await port.transaction(async (session) => (await session.query(insert)) && 'done')).toBe('done')
      const reason = new Error('no')
      await expect(
        port.transaction(async (session) => {
          await session.query(insert)
          throw reason
        }),
      ).rejects.toBe(reason)
      await expect(
        port.transaction(async (session) => {
          await session.query(insert)
          await session.query({ text: 'select 1/0' })
        }),
      ).rejects.toMatchObject({ code: '22012' })
      expect(await port.query({ text: 'select count(*)::int as n from written' })).toEqual([{ n: 1 }])
    })

    it('keeps a session on one connection and gives its locks back', async () => {
      const tryLock = { text: 'select pg_try_advisory_lock(4711) as got' }
      for (let round = 0; round < 2; round++) {
        await port.session(async (session) => {
          expect(await session.query(tryLock)).toEqual([{ got: true }])
          const pids = await Promise.all([1, 2].map(() => session.query({ text: 'select pg_backend_pid() as pid' })))
          expect(pids[0]).toEqual(pids[1])
          await session.query({ text: 'select pg_advisory_unlock(4711)' })
        })
      }
    })

    it('says with a code what the server refused, without the values', async () => {
      await port.query({ text: 'create table if not exists once (word text primary key)' })
      const insert = {
        text: 'insert into once select unnest($1::text[])',
        values: [['secret value', 'secret value']],
      }
      const error = await port.query(insert).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: '23505' })
      expect(everything(error)).not.toContain('secret value')
      expect(await port.query({ text: 'select 1 as one' })).toEqual([{ one: 1 }])
    })

    it('hears what is sent to a channel, also one with an odd name', async () => {
      const heard: string[] = []
      const other: string[] = []
      const listener = { onGap: () => undefined }
      const name = 'Odd "channel"'
      const subscription = await port.listen(name, { ...listener, onMessage: (payload) => heard.push(payload) })
      const second = await port.listen('other', { ...listener, onMessage: (payload) => other.push(payload) })
      await port.query({ text: 'select pg_notify($1::text, $2::text)', values: [name, 'one'] })
      await port.query({ text: 'select pg_notify($1::text, $2::text)', values: ['other', 'two'] })
      await expect.poll(() => [heard, other]).toEqual([['one'], ['two']])
      await subscription.close()
      await port.query({ text: 'select pg_notify($1::text, $2::text)', values: [name, 'three'] })
      await port.query({ text: 'select pg_notify($1::text, $2::text)', values: ['other', 'four'] })
      await expect.poll(() => other).toEqual(['two', 'four'])
      expect(heard).toEqual(['one'])
      await second.close()
    })
  })
}

function bytesOf(row: Readonly<Record<string, unknown>> | undefined, column: string): Uint8Array {
  const bytes = row?.[column]
  if (!(bytes instanceof Uint8Array)) throw new Error(`${column} is not bytes`)
  return bytes
}

/** Every property of an error and of its causes, hidden ones included, as one text. */
function everything(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  return Object.getOwnPropertyNames(error)
    .map((name) => everything((error as Record<string, unknown>)[name]))
    .join('\n')
}
