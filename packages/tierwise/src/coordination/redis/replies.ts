import type { RedisReply } from '../../clients/redis/port.ts'

/** A bulk string as a text. */
export function textOf(reply: RedisReply | undefined): string {
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : String(reply as string | number)
}

/** A bulk string as a text; undefined for nil. */
export function heldOf(reply: RedisReply | undefined): string | undefined {
  return reply === null || reply === undefined ? undefined : textOf(reply)
}

export function numberOf(reply: RedisReply | undefined): number {
  return typeof reply === 'number' ? reply : Number(textOf(reply))
}

/** Milliseconds that are left; of a script -1 stands for no end. */
export function leftOf(reply: RedisReply | undefined): number {
  const ms = numberOf(reply)
  return ms < 0 ? Infinity : ms
}

export function listOf(reply: RedisReply | undefined): readonly RedisReply[] {
  return Array.isArray(reply) ? (reply as readonly RedisReply[]) : []
}

/** 1 and 0. */
export function flagsOf(reply: RedisReply): readonly boolean[] {
  return listOf(reply).map((flag) => numberOf(flag) === 1)
}

/** Names, each after a letter that says what it is, and values that follow them. */
export function pairsOf(reply: RedisReply): readonly (readonly [name: string, value: string])[] {
  const items = listOf(reply)
  return Array.from({ length: items.length / 2 }, (_, index) => [
    textOf(items[2 * index]).slice(1),
    textOf(items[2 * index + 1]),
  ])
}
