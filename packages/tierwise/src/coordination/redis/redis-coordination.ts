import { systemRuntime } from '../../base/runtime.ts'
import type { RedisPort } from '../../clients/redis/port.ts'
import type { CoordinationStore } from '../../contract/coordination.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { Channels } from './channels.ts'
import { collectionSteps } from './collections.ts'
import { limitSteps } from './limits.ts'
import { readRedisCoordinationOptions, type RedisCoordinationOptions } from './options.ts'
import { CoordinationServer, type RunStep } from './server.ts'
import { tenureSteps } from './tenures.ts'
import { textSteps } from './texts.ts'

/**
 * State that processes agree on, in Redis (6.2 or later) or Valkey: one server, a primary behind Sentinel, or a cluster.
 *
 * Each step is one Lua script of one key, by the clock of the server. Keys and channels start with `<prefix>:c:`, which no
 * key of a tier does. A server that evicts keys evicts these too: keep them where `maxmemory-policy` is `noeviction`.
 *
 * What the server loses is lost: without an append-only file everything with a restart, and with a failover the steps that
 * the replica had not heard of. Fences grow over that all the same, because they follow the clock of the server.
 *
 * Nothing is connected before the first step. A client that is handed in is never closed here.
 *
 * @throws ConfigError ERR_CACHE_OPTION and ERR_CACHE_CONFIG for wrong options, ERR_CACHE_PEER_MISSING when no client package is installed
 * @example
 * createCoordination({ store: redisCoordination({ url: 'redis://state.internal:6379' }) })
 */
export function redisCoordination(options: RedisCoordinationOptions = {}): CoordinationStore {
  const runtime = systemRuntime()
  return coordinationOver({ ...readRedisCoordinationOptions(options, runtime), runtime })
}

/** What a store is made of. */
export interface RedisCoordinationParts {
  readonly name: string
  readonly prefix: string
  readonly durable: boolean
  /** Opened and closed with the store. */
  readonly port: RedisPort
  readonly runtime: Runtime
}

/** The store over a port that is there already. */
export function coordinationOver({ name, prefix, durable, port, runtime }: RedisCoordinationParts): CoordinationStore {
  const server = new CoordinationServer({ name, prefix, port })
  const channels = new Channels({ server, port, runtime })
  const run: RunStep = (step, key, args) => server.run(step, key, args)
  return {
    name,
    capabilities: { shared: true, durable },
    open: async () => void (await server.opened('open')),
    close: async () => {
      await Promise.all([channels.close(), server.close()])
    },
    ...textSteps(run),
    ...collectionSteps(run),
    ...tenureSteps(run, channels.nameOf),
    ...limitSteps(run),
    publish: (channel, text) => channels.publish(channel, text),
    subscribe: (channel, onMessage, onGap) => channels.subscribe(channel, onMessage, onGap),
  }
}
