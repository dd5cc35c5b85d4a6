import * as vitest from 'vitest'

import { tierConformance } from '../../../src/testing/tier-conformance.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'
import { clientKinds, endHandedInClients } from './clients.ts'

/** Each test takes a database of its own. */
let databases = 1
const server: RedisServer = await startRedis({ config: { databases: '2000' } })
vitest.afterAll(async () => {
  await endHandedInClients()
  await server.stop()
})

for (const kind of clientKinds) {
  tierConformance({
    name: `redis through ${kind.name}`,
    definition: () => redis(kind.single({ port: server.port, db: databases++ })),
    runner: vitest,
  })
}
