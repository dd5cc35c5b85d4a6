import * as vitest from 'vitest'

import type { TierDefinition } from '../../../src/contract/tier.ts'
import { startRedisCluster, type RedisCluster } from '../../../src/testing/servers/index.ts'
import { tierConformance } from '../../../src/testing/tier-conformance.ts'
import { redis } from '../../../src/tiers/redis/index.ts'
import { clientKinds, endHandedInClients } from './clients.ts'
import { flushCluster } from './flush-cluster.ts'

const cluster: RedisCluster = await startRedisCluster({ replicas: 0 })
vitest.afterAll(async () => {
  await endHandedInClients()
  await cluster.stop()
})

/** A cluster has one database, so a definition empties it when it is opened for the first time. */
function onEmptyCluster(definition: TierDefinition): TierDefinition {
  let emptied: Promise<void> | undefined
  return {
    ...definition,
    create: (context) => {
      const tier = definition.create(context)
      if (tier.sync) throw new Error('a byte tier was expected')
      const open = tier.open.bind(tier)
      tier.open = async () => {
        await (emptied ??= flushCluster(cluster))
        return open()
      }
      return tier
    },
  }
}

const clusterKinds = ['ioredis, created', 'node-redis, created']
const ports = cluster.nodes.map(({ port }) => port)
for (const kind of clientKinds.filter(({ name }) => clusterKinds.includes(name))) {
  tierConformance({
    name: `redis cluster through ${kind.name}`,
    definition: () => onEmptyCluster(redis(kind.cluster(ports))),
    runner: vitest,
  })
}
