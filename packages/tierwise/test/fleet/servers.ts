import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
} from '../../src/testing/servers/index.ts'
import { until } from '../../src/testing/servers/until.ts'
import type { RedisPlace } from './calls.ts'

export type Variant = RedisPlace['kind']

/** The servers that a fleet shares. */
export type Servers =
  | { readonly kind: 'single'; readonly server: RedisServer }
  | { readonly kind: 'sentinel'; readonly group: RedisSentinel }
  | { readonly kind: 'cluster'; readonly cluster: RedisCluster }

const config = { 'enable-debug-command': 'yes', 'repl-ping-replica-period': '1' }

export async function startServers(kind: Variant): Promise<Servers> {
  if (kind === 'single') return { kind, server: await startRedis({ dedicated: true, config }) }
  if (kind === 'sentinel') return { kind, group: await startRedisSentinel({ config }) }
  return { kind, cluster: await startRedisCluster({ config }) }
}

export async function stopServers(servers: Servers): Promise<void> {
  if (servers.kind === 'single') await servers.server.stop()
  else if (servers.kind === 'sentinel') await servers.group.stop()
  else await servers.cluster.stop()
}

/** Servers that take writes now. */
export async function primariesOf(servers: Servers): Promise<readonly RedisServer[]> {
  if (servers.kind === 'single') return [servers.server]
  if (servers.kind === 'sentinel') return [await servers.group.primary()]
  return servers.cluster.primaries()
}

/** Resolves when replicas have taken everything that their primary had confirmed before the call. */
export async function whenReplicated(primary: RedisServer): Promise<void> {
  const offset = Number(/master_repl_offset:(\d+)/.exec(await primary.command('INFO', 'replication'))?.[1])
  await until(
    async () => {
      const lines = await primary.command('INFO', 'replication')
      const offsets = [...lines.matchAll(/slave\d+:.*offset=(\d+)/g)].map(([, reached]) => Number(reached))
      return offsets.length > 0 && offsets.every((reached) => reached >= offset)
    },
    { what: 'replicas catching up', everyMs: 20 },
  )
}

/** Without its snapshot a server begins empty. */
export async function removeSnapshot(server: RedisServer): Promise<void> {
  const [, folder = ''] = (await server.command('CONFIG', 'GET', 'dir')).split('\n')
  await rm(join(folder, 'dump.rdb'), { force: true })
}
