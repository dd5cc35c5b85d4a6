import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { startRedis } from '../../src/testing/index.ts'
import type { RedisServer } from '../../src/testing/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import type { RedisPackage } from '../../src/clients/redis/port.ts'
import { LoadedApplication, until } from './loaded-application.ts'

const packages: readonly RedisPackage[] = ['ioredis', 'node-redis', 'iovalkey']
const openForMs = 1000
const backoffMs = 200
/** Processes of a busy machine wait for their turn. */
const slackMs = 3000

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())

const applications: LoadedApplication[] = []
afterEach(async () => {
  for (const application of applications.splice(0)) await application.stop()
  await server.command('FLUSHALL')
})

/** One application for each package, side by side on the server. */
async function startApplications(): Promise<readonly LoadedApplication[]> {
  for (const [seed, client] of packages.entries())
    applications.push(
      new LoadedApplication({
        seed,
        tiers: [redis({ client, host: server.host, port: server.port, backoff: { max: backoffMs } })],
        breaker: { openFor: openForMs },
        prefix: client,
      }),
    )
  await Promise.all(applications.map((application) => application.start()))
  await Promise.all(applications.map((application) => application.hits(50)))
  return applications
}

/** What has to hold when the server is there again, for each application. */
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

describe('no call fails and none is answered wrongly under load', () => {
  test('while the server is killed and comes back empty', async () => {
    const running = await startApplications()
    await server.kill()
    const loads = running.map((application) => application.loads)
    await Promise.all(running.map((application) => application.made(300)))
    await Promise.all(
      running.map((application) => until(() => application.states('read').includes('open'), 'a breaker')),
    )
    for (const [index, application] of running.entries()) expect(application.loads).toBeGreaterThan(loads[index]!)
    await server.restart()
    await Promise.all(running.map(recovers))
  })

  test('while the process of the server stands still and goes on', async () => {
    const running = await startApplications()
    server.pause()
    try {
      await Promise.all(running.map((application) => application.made(300)))
      await Promise.all(
        running.map((application) => until(() => application.states('read').includes('half-open'), 'a probe')),
      )
    } finally {
      server.resume()
    }
    await Promise.all(running.map(recovers))
    for (const application of running) expect(application.transitions[0]?.reason).toBe('silence')
  })
})
