import { readManagerOptions, type RedisManagerOptions } from './options.ts'
import { RedisManager } from './redis-manager.ts'

/**
 * A manager of one connection to Redis: a server, the primary behind Sentinel, or a cluster. Nothing is connected before
 * `connect()`.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option, ERR_CACHE_CONFIG when options contradict each other
 * @example
 * await using manager = createRedisManager({ url: 'rediss://cache:password@redis.example:6380' })
 * await manager.connect()
 * const { status, findings } = await manager.health()
 */
export function createRedisManager(options: RedisManagerOptions = {}): RedisManager {
  return new RedisManager(readManagerOptions(options))
}
