import type { RedisServer } from './redis-server.ts'
export async function borrowRedisDatabase(_url: string): Promise<RedisServer> {
  throw new Error('not yet')
}
