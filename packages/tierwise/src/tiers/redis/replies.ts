import { Buffer } from 'node:buffer'
import type { RedisReply } from '../../clients/redis/port.ts'

/** A bulk reply as bytes; undefined for nil. Packages that give a text for a short reply are understood too. */
export function bytesOf(reply: RedisReply | undefined): Buffer | undefined {
  if (Buffer.isBuffer(reply)) return reply
  return typeof reply === 'string' ? Buffer.from(reply) : undefined
}

export function textOf(reply: RedisReply | undefined): string {
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : String(reply ?? '')
}

export function numberOf(reply: RedisReply | undefined): number {
  return typeof reply === 'number' ? reply : Number(textOf(reply))
}

export function listOf(reply: RedisReply | undefined): readonly RedisReply[] {
  return Array.isArray(reply) ? (reply as readonly RedisReply[]) : []
}
