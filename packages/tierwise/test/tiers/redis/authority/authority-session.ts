import type { Redis } from 'ioredis'
import { unpack } from 'msgpackr'
import { expect } from 'vitest'
import { createEnvelope, jsonCodec } from '../../../../src/codecs/index.ts'
import { createRedisPorts } from '../../../../src/clients/redis/create-ports.ts'
import type { RedisPackage, RedisPorts } from '../../../../src/clients/redis/port.ts'
import type { Change, Fill, LeaseRequest, Removal, Replacement } from '../../../../src/contract/authority.ts'
import type { FleetTier } from '../opened-tier.ts'

/** The clients that the authority is tested through, on one server. */
export const clients: readonly RedisPackage[] = ['ioredis', 'node-redis']

const envelope = createEnvelope({ codec: jsonCodec() })
const leaseMs = 10_000

/** A lease, as `acquire` answers it. */
export const aLease: unknown = expect.stringMatching(/^[\w-]{12}\.[0-9a-f-]{36}$/)

export function portsThrough(client: RedisPackage, { port }: { readonly port: number }): RedisPorts {
  return createRedisPorts({ client, host: '127.0.0.1', port, heartbeat: false })
}

/** A frame as the core makes it: without a version, its times in the clock of the server. */
export function frameOf(key: string, value: unknown, freshMs = 60_000): Uint8Array {
  const now = Date.now()
  const head = {
    version: 0,
    createdAt: now,
    freshUntil: now + freshMs,
    usableUntil: Infinity,
    tags: [],
    tagClock: 0,
    loadMs: 0,
    sizeBytes: 0,
  }
  return envelope.frame(key, head, envelope.encodeValue(value))
}

/** What a reader finds: the value, whether it is fresh, and the version of the record. */
export interface Found {
  readonly value: unknown
  readonly isFresh: boolean
  readonly version: number | undefined
}

export async function find(tier: FleetTier, key: string): Promise<Found | undefined> {
  const [found] = await tier.get([key], (bytes, _index, version) => {
    const { value, freshUntil } = envelope.decode(bytes, key)
    return { value, isFresh: freshUntil > Date.now(), version }
  })
  return found
}

/** The lease, or the whole answer when there was none. */
export async function acquire(tier: FleetTier, key: string, request: Partial<LeaseRequest> = {}): Promise<string> {
  const [answer] = await tier.authority.acquire([{ key, leaseMs, ...request }])
  if (answer?.kind === 'granted') return answer.lease
  return answer?.kind ?? 'unanswered'
}

/** The version, or why the fill was refused. */
export async function fill(
  tier: FleetTier,
  { key, lease }: { readonly key: string; readonly lease: string },
  rest: Partial<Fill> & { readonly value?: unknown } = {},
): Promise<number | string> {
  const { value = 'loaded', ...fields } = rest
  const [answer] = await tier.authority.fill([
    { key, lease, bytes: frameOf(key, value), expiresAt: Infinity, ...fields },
  ])
  if (answer === undefined) return 'unanswered'
  return 'version' in answer ? answer.version : answer.refused
}

let orders = 0

export function removal(key: string, rest: Partial<Removal> = {}): Removal {
  return { key, operation: 'delete', order: ++orders, ...rest }
}

export function replacement(
  key: string,
  { value = 'set', ...rest }: Partial<Replacement> & { readonly value?: unknown } = {},
): Replacement {
  return { key, operation: 'set', order: ++orders, bytes: frameOf(key, value), expiresAt: Infinity, ...rest }
}

/** The version of a change that has to be made. */
export async function change(tier: FleetTier, wanted: Change): Promise<number> {
  const [answer] = await tier.authority.change([wanted])
  if (answer === undefined || 'refused' in answer) throw new Error(`Refused: ${JSON.stringify(answer)}`)
  return answer.version
}

/** Why a change was refused. */
export async function refusalOf(tier: FleetTier, wanted: Change): Promise<string | undefined> {
  const [answer] = await tier.authority.change([wanted])
  return answer !== undefined && 'refused' in answer ? answer.refused : undefined
}

export interface LaneMessage {
  readonly sequence: number
  readonly before: string
  readonly id: string
  readonly source: string
  /** Operation, key or names, version or clock. */
  readonly changes: readonly (readonly [string, string | readonly string[], number])[]
}

function messageOf(bytes: Buffer): LaneMessage {
  const [, sequence, before, id, source, changes] = unpack(bytes) as [number, number, string, string, string, unknown]
  const list = changes as readonly [string, string, number | bigint][]
  return {
    sequence,
    before,
    id,
    source,
    changes: list.map(([operation, what, version]) => [operation, what, Number(version)]),
  }
}

/** The log of a lane, oldest first; each with the id of its entry. */
export async function readLog(admin: Pick<Redis, 'xrangeBuffer'>, log = '{tw:0}:log'): Promise<LaneMessage[]> {
  const entries = await admin.xrangeBuffer(log, '-', '+')
  return entries.map(([id, [, bytes]]) => {
    const message = messageOf(bytes as Buffer)
    if (id.toString() !== `${message.sequence}-1`)
      throw new Error(`Entry ${id.toString()} holds message ${message.sequence}`)
    return message
  })
}

/** A key of a woken waiter, or the changes of a message. */
export function heard(bytes: Buffer): string | LaneMessage['changes'] {
  const [, sequence, key] = unpack(bytes) as [number, number, string]
  return sequence === 0 ? key : messageOf(bytes).changes
}
