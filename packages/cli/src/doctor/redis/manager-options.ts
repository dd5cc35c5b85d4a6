import type { RedisManagerOptions } from 'tierwise/redis'
import type { ConfiguredTier } from '../configured-tier.ts'

const connectionOptions = ['url', 'host', 'port', 'db', 'username', 'password', 'tls', 'sentinel', 'cluster', 'client']

/** A connection as the tier would make it, with nothing that goes on beside the questions. */
export function managerOptions({ options }: ConfiguredTier, timeoutMs: number): RedisManagerOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([name]) => connectionOptions.includes(name)))
  return {
    ...(given as RedisManagerOptions),
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    heartbeat: false,
    health: { interval: false, timeout: timeoutMs },
    retry: { attempts: 1 },
  }
}
