import { Redis as Ioredis5 } from 'ioredis-5'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { RedisClient } from '../../src/clients/redis/client-shapes.ts'
import { startRedisSentinel } from '../../src/testing/index.ts'
import type { RedisSentinel } from '../../src/testing/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import type { RedisOptions } from '../../src/tiers/redis/index.ts'
import { LoadedApplication, until } from './loaded-application.ts'

const openForMs = 1000
const backoffMs = 200
/** Processes of a busy machine wait for their turn. */
const slackMs = 10_000

let group: RedisSentinel
beforeEach(async () => void (group = await startRedisSentinel()))

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await group.stop()
})

/** The packages, and a client of the application's own. */
function connections(): readonly RedisOptions[] {
  const sentinel = { name: group.masterName, nodes: group.sentinels.map(({ host, port }) => ({ host, port })) }
  const own = new Ioredis5({ sentinels: sentinel.nodes, name: sentinel.name, lazyConnect: true })
  own.on('error', () => undefined)
  cleanups.push(() => own.disconnect())
  const made = (['ioredis', 'node-redis', 'iovalkey'] as const).map((client) => ({
    client,
    sentinel,
    backoff: { max: backoffMs },
  }))
  return [...made, { client: own as unknown as RedisClient }]
}

async function startApplications(): Promise<readonly LoadedApplication[]> {
  const applications = connections().map(
    (connection, seed) =>
      new LoadedApplication({
        seed,
        tiers: [redis(connection)],
        breaker: { openFor: openForMs },
        prefix: `app${seed}`,
      }),
  )
  for (const application of applications) cleanups.push(() => application.stop())
  await Promise.all(applications.map((application) => application.start()))
  await Promise.all(applications.map((application) => application.hits(50)))
  return applications
}

/** What has to hold when there is a primary again, for each application. */
async function recovers(application: LoadedApplication): Promise<void> {
  const backAt = performance.now()
  await application.hits(20)
  const hitsAfterMs = performance.now() - backAt
  await until(() => application.isWell(), 'closed breakers')
  await application.rest()
  console.log(`${application.report()}; hits again after ${Math.round(hitsAfterMs)} ms`)
  expect(application.faults.slice(0, 5)).toEqual([])
  expect(hitsAfterMs).toBeLessThan(openForMs + backoffMs + slackMs)
  const states = application.states('read')
  expect(states.slice(0, 2)).toEqual(['open', 'half-open'])
  expect(states.at(-1)).toBe('closed')
}

describe('a primary behind Sentinel', () => {
  test('may be killed under load: no call fails, and none is answered wrongly', { timeout: 60_000 }, async () => {
    const running = await startApplications()
    const dead = await group.killPrimary()
    await group.primaryAfter(dead)
    await Promise.all(running.map(recovers))
  })
})
