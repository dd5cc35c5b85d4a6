/**
 * Starts what its arguments name, sends the pids and folders, and then waits, or ends when `end` is among the arguments.
 * `paused` stops the servers where they are before.
 */
import {
  startPostgres,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '../../../../src/testing/servers/index.ts'

const wanted = new Set(process.argv.slice(2))
const servers: { readonly pid: number | undefined; pause(): void | Promise<void> }[] = []
process.send?.('begins')
if (wanted.has('redis')) servers.push(await startRedis({ dedicated: true }))
if (wanted.has('postgres')) servers.push(await startPostgres({ dedicated: true }))
if (wanted.has('cluster')) servers.push(...(await startRedisCluster()).nodes)
if (wanted.has('sentinel')) {
  const group = await startRedisSentinel()
  servers.push(...group.nodes, ...group.sentinels)
}
const pids = servers.map(({ pid }) => pid)
if (wanted.has('paused')) for (const server of servers) await server.pause()
process.send?.(pids)
if (wanted.has('end')) process.disconnect()
