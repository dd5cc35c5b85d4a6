import * as vitest from 'vitest'

import { redisCoordination } from '../../../src/coordination/redis/index.ts'
import { coordinationConformance } from '../../../src/testing/coordination-conformance.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { clientKinds, endHandedInClients } from '../../tiers/redis/clients.ts'

/** Each test takes a database of its own; channels are those of the server, so they have a prefix of their own. */
let tests = 0
const server: RedisServer = await startRedis({ config: { databases: '2000' } })
vitest.afterAll(async () => {
  await endHandedInClients()
  await server.stop()
})

/** The steps are the server's, and ioredis takes them on a cluster. Other clients have tests of their own, and `ALL_CLIENTS=1`. */
const tested = ['node-redis, created']
const isTested = (name: string): boolean => process.env['ALL_CLIENTS'] === '1' || tested.includes(name)
for (const kind of clientKinds.filter(({ name }) => isTested(name))) {
  coordinationConformance({
    name: `redis through ${kind.name}`,
    runner: vitest,
    create: async () => {
      tests++
      const options = { ...kind.single({ port: server.port, db: tests % 2000 }), prefix: `tw${tests}` }
      const handles = [redisCoordination(options), redisCoordination(options)]
      return { handles, stop: async () => void (await Promise.all(handles.map((handle) => handle.close()))) }
    },
  })
}
