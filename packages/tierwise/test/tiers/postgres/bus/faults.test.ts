import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { systemRuntime } from '../../../../src/base/runtime.ts'
import type { PostgresConnectionOptions } from '../../../../src/clients/postgres/connection-options.ts'
import type { TierEvent } from '../../../../src/contract/events.ts'
import { RecordedListener } from '../../../../src/testing/bus-conformance/recorded-listener.ts'
import { startPostgres, type PostgresServer } from '../../../../src/testing/servers/index.ts'
import { until } from '../../../../src/testing/servers/until.ts'
import { postgres } from '../../../../src/tiers/postgres/index.ts'
import { record } from '../opened-tier.ts'

let server: PostgresServer
const ends: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  server = await startPostgres({ dedicated: true })
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
afterAll(() => server.stop())

const ways: Readonly<Record<string, () => PostgresConnectionOptions>> = {
  pg: () => {
    const pool = new pg.Pool({ connectionString: server.url })
    pool.on('error', () => undefined)
    ends.push(() => pool.end())
    return { pool }
  },
  postgres: () => ({ url: server.url, package: 'postgres' }),
}

async function listening(connection: PostgresConnectionOptions) {
  const runtime = systemRuntime()
  const events: TierEvent[] = []
  const report = (event: TierEvent): void => void events.push(event)
  const tier = postgres({ ...connection, schema: 'faults' }).create({ name: 'p', prefix: 'tw', report, ...runtime })
  if (tier.sync || tier.bus === undefined) throw new Error('a tier with a bus was expected')
  ends.push(() => tier.close())
  await tier.open()
  const listener = new RecordedListener(() => runtime.clock.now())
  const { bus } = tier
  bus.start(listener)
  const losses = (): number => listener.told.filter(({ kind }) => kind === 'lost').length
  const confirmed = async (): Promise<void> => {
    const now = runtime.clock.now()
    await until(() => listener.isConfirmedSince(0, now), { what: 'a confirmation' })
  }
  await confirmed()
  return { tier, bus, listener, events, losses, confirmed, runtime }
}

async function listenerPid(): Promise<number> {
  return Number(
    await server.query(
      `select pid from pg_stat_activity where query ilike 'listen%' order by backend_start desc limit 1`,
    ),
  )
}

describe.each(Object.entries(ways))('the bus of PostgreSQL over %s', (_, way) => {
  it('loses its lane and listens again when its connection ends', async () => {
    const [reader, writer] = [await listening(way()), await listening(way())]
    const before = reader.losses() + writer.losses()
    await server.query(`select pg_terminate_backend(${await listenerPid()})`)
    await until(() => reader.losses() + writer.losses() > before, { what: 'a loss' })
    await reader.confirmed()
    await writer.confirmed()
    await writer.tier.set([record('tw:1:a:after', 1)])
    await until(() => reader.listener.changes.length > 0, { what: 'hearing a change' })
  })

  it('notices a connection that has fallen silent, and confirms nothing meanwhile', async () => {
    const { losses, confirmed, runtime, events, bus } = await listening(way())
    const before = losses()
    const pid = await listenerPid()
    process.kill(pid, 'SIGSTOP')
    const stoppedAt = runtime.clock.now()
    await until(() => losses() > before, { what: 'a loss', timeoutMs: 4000 })
    expect(runtime.clock.now() - stoppedAt).toBeLessThan(3000)
    await confirmed()
    expect(events).toMatchObject([{ type: 'tier-notice', notice: 'bus-silent' }])
    const stopping = runtime.clock.now()
    await bus.stop()
    expect(runtime.clock.now() - stopping).toBeLessThan(2000)
    process.kill(pid, 'SIGCONT')
  })

  it('confirms again after the server was down', async () => {
    const { losses, confirmed, listener, runtime } = await listening(way())
    const before = losses()
    await server.kill()
    const downAt = runtime.clock.now()
    await until(() => runtime.clock.now() > downAt + 1500, { what: 'a pause in which pings fail' })
    expect(listener.isConfirmedSince(0, downAt)).toBe(false)
    await server.restart()
    await confirmed()
    expect(losses()).toBeGreaterThan(before)
  })

  it('begins to listen once the server is there again', async () => {
    const { bus, confirmed, listener } = await listening(way())
    await bus.stop()
    await server.kill()
    const { length } = listener.told
    bus.start(listener)
    // The first attempts have to fail, at the pace of the client.
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(listener.told.length).toBe(length)
    await server.restart()
    await confirmed()
    expect(listener.told[length]?.kind).toBe('lost')
  })

  it('can be stopped while the listening connection is silent', async () => {
    const { tier, runtime } = await listening(way())
    const pid = await listenerPid()
    process.kill(pid, 'SIGSTOP')
    const { now } = { now: runtime.clock.now() }
    await tier.close()
    expect(runtime.clock.now() - now).toBeLessThan(3000)
    process.kill(pid, 'SIGCONT')
  })
})
