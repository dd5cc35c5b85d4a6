import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'

/** What one key of Redis holds; binary as hexadecimal digits. */
export interface GoldenKey {
  readonly string?: string
  readonly hash?: Readonly<Record<string, string>>
  readonly zset?: Readonly<Record<string, string>>
  readonly stream?: readonly (readonly [id: string, message: string])[]
}

/**
 * A database as a manager of format 1 has left it, while it loaded `loading` and held `held`. It was written once, by real
 * calls; what was released is read for ever, so it is never made anew.
 */
export const redisV1 = JSON.parse(readFileSync(new URL('redis-v1.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, GoldenKey>
>

/** Puts the keys into Redis. Leases, holds and fences that were under way end in a minute. */
export async function restore(client: Redis, keys: Readonly<Record<string, GoldenKey>>): Promise<void> {
  const soon = String((Date.now() + 60_000) * 1000)
  for (const [name, { string, hash, zset, stream }] of Object.entries(keys)) {
    if (string !== undefined) await client.set(name, Buffer.from(string, 'hex'))
    for (const [field, value] of Object.entries(hash ?? {})) {
      const isInstant = field === 'leaseUntil' || /^[hf]:/.test(field)
      await client.hset(name, field, isInstant ? value.replace(/\d+$/, soon) : value)
    }
    for (const [member, score] of Object.entries(zset ?? {})) await client.zadd(name, score, member)
    for (const [id, message] of stream ?? []) await client.xadd(name, id, 'm', Buffer.from(message, 'hex'))
  }
}
