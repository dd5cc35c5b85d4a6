import type { createRedisManager } from 'tierwise/redis'

export type Manager = ReturnType<typeof createRedisManager>
export type Node = Awaited<ReturnType<Manager['ports']['primary']['primaries']>>[number]
export type Reply = Awaited<ReturnType<Node['send']>>

/** Bulk strings are bytes or texts, depending on the client. */
export function textOf(reply: Reply | undefined): string | undefined {
  if (Buffer.isBuffer(reply)) return reply.toString()
  return typeof reply === 'string' || typeof reply === 'number' ? String(reply) : undefined
}

/** The lines `name:value` of INFO and CLUSTER INFO. */
export function linesOf(reply: Reply | undefined): ReadonlyMap<string, string> {
  const lines = (textOf(reply) ?? '').split(/\r?\n/)
  return new Map(
    lines.flatMap((line) => {
      const colon = line.indexOf(':')
      return colon < 1 || line.startsWith('#') ? [] : [[line.slice(0, colon), line.slice(colon + 1)]]
    }),
  )
}

/** Names and values of a flat list, as CONFIG GET and ACL GETUSER answer; a map stays one. */
export function pairsOf(reply: Reply | undefined): ReadonlyMap<string, Reply> {
  if (!Array.isArray(reply)) return new Map()
  const pairs = new Map<string, Reply>()
  for (let index = 0; index + 1 < reply.length; index += 2)
    pairs.set(textOf(reply[index]) ?? '', reply[index + 1] as Reply)
  return pairs
}

/** The first word of an error reply, for example `NOPERM`; undefined for an error of the connection. */
export function refusalOf(error: unknown): string | undefined {
  const { kind, code } = Object(error) as { readonly kind?: unknown; readonly code?: unknown }
  if (kind !== 'reply') return undefined
  return typeof code === 'string' ? code : 'ERR'
}
