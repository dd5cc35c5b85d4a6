import { Redis } from 'ioredis'
import type { RedisCommand, RedisPort, RedisPorts, RedisReply } from '../../../src/clients/redis/port.ts'

export function ioredisPorts(options: { port: number; db?: number; host?: string }): RedisPorts {
  const client = new Redis({
    host: '127.0.0.1',
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 50,
    ...options,
  })
  client.on('error', () => {})
  const call = (args: RedisCommand['args']): Promise<RedisReply> => {
    const [name = '', ...rest] = args
    return client.callBuffer(String(name), ...(rest as string[])) as Promise<RedisReply>
  }
  const port: RedisPort = {
    package: 'ioredis',
    topology: 'single',
    get isReady() {
      return client.status === 'ready'
    },
    connect: async () => {
      if (client.status === 'ready') return
      await client.connect()
    },
    send: ({ args }) => call(args),
    primaries: async () => [{ address: `127.0.0.1:${options.port}`, send: call }],
    onConnect: (listener) => {
      client.on('ready', listener)
      return () => void client.off('ready', listener)
    },
    close: async () => client.disconnect(),
  }
  return { primary: port }
}
