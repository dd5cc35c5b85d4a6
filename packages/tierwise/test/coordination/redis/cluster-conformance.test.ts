import * as vitest from 'vitest'

import { redisCoordination } from '../../../src/coordination/redis/index.ts'
import { coordinationConformance } from '../../../src/testing/coordination-conformance.ts'
import { startRedisCluster, type RedisCluster } from '../../../src/testing/servers/index.ts'
import { clientKinds, endHandedInClients } from '../../tiers/redis/clients.ts'

/** A cluster has one database, so each test has a prefix of its own. */
let tests = 0
const cluster: RedisCluster = await startRedisCluster({ replicas: 0 })
vitest.afterAll(async () => {
  await endHandedInClients()
  await cluster.stop()
})

const tested =
  process.env['ALL_CLIENTS'] === '1' ? ['ioredis, created', 'node-redis 5, handed in'] : ['ioredis, created']
const ports = cluster.nodes.map(({ port }) => port)
for (const kind of clientKinds.filter(({ name }) => tested.includes(name))) {
  coordinationConformance({
    name: `redis cluster through ${kind.name}`,
    runner: vitest,
    create: async () => {
      const options = { ...kind.cluster(ports), prefix: `tw${tests++}` }
      const handles = [redisCoordination(options), redisCoordination(options)]
      return { handles, stop: async () => void (await Promise.all(handles.map((handle) => handle.close()))) }
    },
  })
}
