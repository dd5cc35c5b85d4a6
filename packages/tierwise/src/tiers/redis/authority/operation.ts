import type { RedisArgument, RedisReply } from '../../../clients/redis/port.ts'
import type {
  Change,
  ChangeAnswer,
  Fill,
  FillAnswer,
  HeldLease,
  LeaseAnswer,
  LeaseRequest,
} from '../../../contract/authority.ts'
import { listOf, numberOf, textOf } from '../replies.ts'
import type { Queued } from '../ordered-queue.ts'
import { lifeText } from '../store.ts'
import { longestLifeMs } from '../raw-store.ts'

/** One operation of the script of the authority, as it is sent. */
export interface Operation extends Queued {
  /** Its name and what belongs to it. */
  readonly args: readonly RedisArgument[]
}

/** What the script answers about one operation. */
export interface Outcome {
  readonly reply: RedisReply
  readonly lane: number
  /** Of the message that announced all changes of the script; 0 when there was none. */
  readonly sequence: number
  /** The connection as it was when the answer came. */
  readonly connection: string
}

/** Where an operation goes. */
export interface Target {
  readonly key: string
  readonly group: number
}

/** Beyond every version. Not every Lua reads `Infinity`. */
const never = 2 ** 53

export function acquireOperation(target: Target, request: LeaseRequest, lease: string): Operation {
  const { leaseMs, newerThan = -1, isForced = false, replacesOwn = false, coldMs = 0 } = request
  const least = Math.max(-1, Math.min(newerThan, never))
  const takes = isForced ? 'any' : replacesOwn ? 'own' : ''
  return { ...target, args: ['acquire', lease, whole(leaseMs), String(least), takes, whole(coldMs)] }
}

export function fillOperation(target: Target, fill: Fill, now: number): Operation {
  const { lease, sourceVersion, copyOf, bytes, expiresAt } = fill
  const args = ['fill', storedLease(lease), optional(sourceVersion), optional(copyOf), life(expiresAt, now), bytes]
  return { ...target, bytes, args }
}

export function releaseOperation(target: Target, { lease }: HeldLease): Operation {
  return { ...target, args: ['release', storedLease(lease)] }
}

function storedLease(lease: string): string {
  return lease.slice(lease.indexOf('.') + 1)
}

export function changeOperation(target: Target, change: Change, now: number): Operation {
  const { operation, order, isDoubtful, holdMs, fence } = change
  const hold = holdMs === undefined ? '' : whole(holdMs)
  const args = [operation, String(order), flag(isDoubtful), hold, optional(fence)]
  if (change.operation !== 'set') return { ...target, args }
  const { bytes, ifVersion, sourceVersion, coldMs = 0, expiresAt } = change
  const conditions = [optional(ifVersion), optional(sourceVersion), whole(coldMs)]
  return { ...target, bytes, args: [...args, ...conditions, life(expiresAt, now), bytes] }
}

export function affirmOperation(target: Target, version: number): Operation {
  return { ...target, args: ['affirm', String(version)] }
}

/** The lease that is handed out names the connection over which it was granted. */
export function leaseAnswerOf({ reply, connection }: Outcome, lease: string): LeaseAnswer {
  const [kind, ...rest] = Array.isArray(reply) ? listOf(reply) : [reply]
  switch (textOf(kind)) {
    case 'granted':
      return { kind: 'granted', lease: `${connection}.${lease}`, ...fenceIn(rest[0]) }
    case 'fresh':
      return { kind: 'fresh' }
    case 'held':
      return { kind: 'held', leftMs: numberOf(rest[0]), ...fenceIn(rest[1]) }
    default:
      return { kind: 'busy', leftMs: numberOf(rest[0]) }
  }
}

function fenceIn(reply: RedisReply | undefined): { readonly fence?: number } {
  const text = textOf(reply)
  return text === '' ? {} : { fence: Number(text) }
}

export function fillAnswerOf({ reply }: Outcome): FillAnswer {
  const text = textOf(reply)
  return isFillRefusal(text) ? { refused: text } : { version: numberOf(reply) }
}

export function changeAnswerOf({ reply, lane, sequence }: Outcome): ChangeAnswer {
  if (!Array.isArray(reply)) return { refused: textOf(reply) === 'late' ? 'late' : 'conflict' }
  const [version, held] = listOf(reply)
  const made = { version: numberOf(version), position: { lane, sequence } }
  const text = textOf(held)
  if (text === 'record' || text === 'fence' || text === 'held') return { refused: text, ...made }
  return { ...made, wasHeld: numberOf(held) === 1 }
}

function isFillRefusal(text: string): text is 'lease' | 'fence' | 'copy' | 'record' {
  return text === 'lease' || text === 'fence' || text === 'copy' || text === 'record'
}

function life(expiresAt: number, now: number): string {
  const lifeMs = expiresAt - now
  if (lifeMs <= 0) return '-1'
  return lifeText(lifeMs > longestLifeMs ? Infinity : lifeMs)
}

/** Nothing for what was not said. */
function optional(number: number | undefined): string {
  return number === undefined ? '' : String(number)
}

function whole(ms: number): string {
  return String(Math.ceil(ms))
}

function flag(isSet: boolean | undefined): string {
  return isSet === true ? '1' : '0'
}
