import type { RedisCluster } from '../../../src/testing/servers/index.ts'

/** Empties every node of a cluster without replicas. */
export async function flushCluster(cluster: RedisCluster): Promise<void> {
  await Promise.all(cluster.nodes.map((node) => node.command('FLUSHALL')))
}
