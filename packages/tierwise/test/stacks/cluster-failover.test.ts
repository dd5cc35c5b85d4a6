import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { startRedisCluster } from '../../src/testing/index.ts'
import type { RedisCluster, RedisServer } from '../../src/testing/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import { clientKinds, endHandedInClients } from '../tiers/redis/clients.ts'
import { LoadedApplication, until } from './loaded-application.ts'

const openForMs = 1000
/** Until the package has asked the cluster who owns what now. */
const refreshMs = 2000
/** Processes of a busy machine wait for their turn, and ten different keys have to be drawn that were lost. */
const slackMs = 10_000
const lanes = 16

let cluster: RedisCluster
beforeEach(async () => void (cluster = await startRedisCluster()))

const applications: LoadedApplication[] = []
afterEach(async () => {
  for (const application of applications.splice(0)) await application.stop()
  await endHandedInClients()
  await cluster.stop()
})

/** One for each client, side by side. */
async function startApplications(tierTimeout = 250): Promise<readonly LoadedApplication[]> {
  const ports = cluster.nodes.map(({ port }) => port)
  for (const [seed, kind] of clientKinds.entries())
    applications.push(
      new LoadedApplication({
        seed,
        callers: 3,
        tiers: [redis({ ...kind.cluster(ports), lanes })],
        breaker: { openFor: openForMs },
        tierTimeout,
        prefix: `app${seed}`,
      }),
    )
  await Promise.all(applications.map((application) => application.start()))
  await Promise.all(applications.map((application) => application.hits(50)))
  return applications
}

/** Which keys of an application the node holds. */
async function keysOf(node: RedisServer, seed: number): Promise<ReadonlySet<string>> {
  const names = (await node.command('KEYS', `{app${seed}:*`)).split('\n')
  return new Set(names.map((name) => name.slice(name.lastIndexOf(':') + 1)))
}

describe('a cluster under load: no call fails, and none is answered wrongly', () => {
  test('while a primary is killed and its replica takes over', { timeout: 60_000 }, async () => {
    const running = await startApplications()
    const victim = await cluster.primaryOf('{app0:0}')
    const lost = await Promise.all(running.map((_, seed) => keysOf(victim, seed)))
    await victim.kill()
    await cluster.whenHealthy()
    const backAt = performance.now()
    await Promise.all(
      running.map(async (application, seed) => {
        await application.hits(10, (key) => lost[seed]!.has(key))
        const hitsAfterMs = performance.now() - backAt
        await until(() => application.isWell(), 'closed breakers')
        await application.rest()
        console.log(
          `${clientKinds[seed]!.name}: ${application.report()}; hits of the lost node after ${Math.round(hitsAfterMs)} ms`,
        )
        expect(application.faults.slice(0, 5)).toEqual([])
        expect(hitsAfterMs).toBeLessThan(openForMs + refreshMs + slackMs)
      }),
    )
  })

  test('while slots move to another node', { timeout: 60_000 }, async () => {
    // A deadline that is missed because the machine is busy would open a breaker too.
    const running = await startApplications(2000)
    const names = running.map((_, seed) => `{app${seed}:0}`)
    for (const name of names) {
      const from = await cluster.primaryOf(name)
      const to = (await cluster.primaries()).find((node) => node !== from)!
      await cluster.moveSlot(await cluster.slotOf(name), to, {
        during: async (migration) => {
          const keys = await migration.keys()
          await migration.moveKeys(keys.filter((_, index) => index % 2 === 0))
          await Promise.all(running.map((application) => application.made(20)))
        },
      })
    }
    await Promise.all(running.map((application) => application.hits(50)))
    for (const [seed, application] of running.entries()) {
      await application.rest()
      console.log(`${clientKinds[seed]!.name}: ${application.report()}`)
      expect(application.faults.slice(0, 5)).toEqual([])
      // Scripts need all keys of a lane in one place. A client gives up after some tries while its slot takes long to move;
      // the last of these may be the one that is told where the slot is now, and ioredis counts it with the others.
      const others = application.tierErrors.filter((error) => !/TRYAGAIN|Too many Cluster redirections/.test(error))
      expect(others.slice(0, 5)).toEqual([])
      expect(application.transitions).toEqual([])
    }
  })
})
