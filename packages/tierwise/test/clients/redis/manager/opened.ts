import { afterEach } from 'vitest'
import { createRedisManager, type RedisManager } from '../../../../src/clients/redis/manager/index.ts'
import type { RedisManagerOptions } from '../../../../src/clients/redis/manager/options.ts'
import { startRedis, type RedisServer, type RedisServerOptions } from '../../../../src/testing/index.ts'

/** Gives a file servers and managers that end after each test, the last one first. */
export interface Opened {
  keep<T extends AsyncDisposable>(each: T): T
  server(options?: RedisServerOptions): Promise<RedisServer>
  /** Connected; without a health loop unless the options say so. */
  manager(
    target: { readonly host: string; readonly port: number },
    options?: RedisManagerOptions,
  ): Promise<RedisManager>
}

export function opened(): Opened {
  const open: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(each: T): T => {
    open.push(each)
    return each
  }

  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]()
  })

  return {
    keep,
    server: async (options) => keep(await startRedis({ dedicated: true, ...options })),
    manager: async ({ host, port }, options) => {
      const manager = keep(createRedisManager({ host, port, health: { interval: false }, ...options }))
      await manager.connect()
      return manager
    },
  }
}
