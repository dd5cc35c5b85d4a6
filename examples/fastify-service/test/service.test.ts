import { afterEach, describe, expect, test, vi } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { cacheOptions, createApp } from '../src/app.ts'
import { running } from './running.ts'

const acme = { 'x-api-key': 'key-of-acme' }
const bell = { 'x-api-key': 'key-of-bell' }
const customers = new Map([
  ['key-of-acme', 'acme'],
  ['key-of-bell', 'bell'],
])

let app: FastifyInstance
afterEach(() => app.close())

describe('the application', () => {
  test('loads the report of a customer once, and forgets it for that customer only', async () => {
    const load = vi.fn(async (customer: string, id: string) => ({ customer, id, total: 1 }))
    app = createApp({ load }, { customers, cache: cacheOptions(undefined) })
    const url = '/reports/q3'
    for (const headers of [acme, acme, bell]) await app.inject({ url, headers })
    expect(load.mock.calls).toEqual([
      ['acme', 'q3'],
      ['bell', 'q3'],
    ])
    expect((await app.inject({ method: 'DELETE', url: '/reports', headers: acme })).statusCode).toBe(204)
    const again = await Promise.all([acme, bell].map((headers) => app.inject({ url, headers })))
    expect(again.map((reply) => reply.json().customer)).toEqual(['acme', 'bell'])
    expect(load).toHaveBeenCalledTimes(3)
  })

  test('knows nobody without a key, and tells its health to everybody', async () => {
    app = createApp({ load: vi.fn() }, { customers, cache: cacheOptions(undefined) })
    expect((await app.inject('/reports/q3')).statusCode).toBe(401)
    expect((await app.inject('/health')).json()).toMatchObject({ healthy: true, state: 'started' })
  })
})

test('the process answers what it has begun when it is told to stop, and ends well', async () => {
  app = createApp({ load: vi.fn() }, { customers, cache: cacheOptions(undefined) })
  let answer: unknown
  const run = await running(
    async (origin, stop) => {
      const headers = { ...acme, connection: 'close' }
      const asked = fetch(`${origin}/reports/q3`, { headers })
      // The source takes a second: the request is under way by then.
      setTimeout(stop, 300)
      answer = await (await asked).json()
    },
    { SOURCE_MS: '1000' },
  )
  expect(answer).toEqual({ customer: 'acme', id: 'q3', total: 200 })
  expect(run).toMatchObject({ code: 0, output: expect.stringContaining('stopped') })
})
