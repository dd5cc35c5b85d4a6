import { RedisFailure } from '../client-failure.ts'
import type { RedisReply } from '../port.ts'

/** A bulk string or a status as text; undefined for nil. */
export function textOf(reply: RedisReply | undefined): string | undefined {
  if (reply === null || reply === undefined) return undefined
  return Buffer.isBuffer(reply) ? reply.toString() : String(reply as string | number)
}

/** A bulk string as it is; undefined for nil. */
export function bytesOf(reply: RedisReply | undefined): Buffer | undefined {
  if (reply === null || reply === undefined) return undefined
  return Buffer.isBuffer(reply) ? reply : Buffer.from(String(reply as string | number))
}

/** The items of an array; none for anything else. */
export function listOf(reply: RedisReply | undefined): readonly RedisReply[] {
  return Array.isArray(reply) ? (reply as readonly RedisReply[]) : []
}

/** Names and values that follow each other, as CONFIG GET and ACL GETUSER answer them. */
export function pairsOf(reply: RedisReply | undefined): ReadonlyMap<string, RedisReply> {
  const items = listOf(reply)
  const pairs = new Map<string, RedisReply>()
  for (let index = 0; index + 1 < items.length; index += 2)
    pairs.set(textOf(items[index]) ?? '', items[index + 1] ?? null)
  return pairs
}

/** The first word of the server's error reply; undefined when there was no reply. */
export function replyCodeOf(error: unknown): string | undefined {
  return error instanceof RedisFailure && error.kind === 'reply' ? (error.code ?? 'ERR') : undefined
}
