import type { RedisPort } from '../../../clients/redis/port.ts'
import { Script } from '../../../clients/redis/script.ts'
import type { LaneNames } from '../lane.ts'
import { bytesOf, listOf, numberOf, textOf } from '../replies.ts'
import type { LanePoint } from './lane-state.ts'
import { readMessage, type ChangeMessage } from './message.ts'

/** Entries of the log that one reply brings. */
export const pageSize = 128

/** A part of the log as it is at one instant, and where the lane stands then. */
export interface LanePage {
  readonly head: LanePoint
  /** In order; undefined for an entry that cannot be read. */
  readonly messages: readonly (ChangeMessage | undefined)[]
}

/**
 * KEYS: head and log of a lane. ARGV: the id that a head is given where there is none, the number of the first entry or
 * an empty text for none, how many entries. Returns the number and the id of the head, and the entries from that one on.
 *
 * A lane without a head has no history: the server lost its memory, or nothing was ever changed. With a new id nobody
 * takes it for what was there before. The log goes first, and then the head can be written with full memory too.
 */
const readLane = new Script(`
local head = redis.call('HMGET', KEYS[1], 'seq', 'id')
if not head[2] then
  -- protocol P3 old-log-read: a log without a head belongs to a history that is lost
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'seq', '0', 'id', ARGV[1])
  head = { '0', ARGV[1] }
end
if ARGV[2] == '' then return { head[1], head[2], {} } end
return { head[1], head[2], redis.call('XRANGE', KEYS[2], ARGV[2] .. '-1', '+', 'COUNT', ARGV[3]) }
`)

export interface LaneReading {
  /** Number of the first entry; undefined for none. */
  readonly from: number | undefined
  /** Id for a head where there is none. */
  readonly newId: string
}

export async function readLanePage(port: RedisPort, names: LaneNames, reading: LaneReading): Promise<LanePage> {
  const { from, newId } = reading
  const reply = await readLane.run(
    port,
    [names.head, names.log],
    [newId, from === undefined ? '' : String(from), String(pageSize)],
  )
  const [sequence, id, entries] = listOf(reply)
  return { head: { sequence: numberOf(sequence), id: textOf(id) }, messages: listOf(entries).map(messageIn) }
}

/** Where the lane stands; undefined when there is no head. */
export async function readLaneHead(port: RedisPort, names: LaneNames): Promise<LanePoint | undefined> {
  const reply = await port.send({ args: ['HMGET', names.head, 'seq', 'id'], key: names.head })
  const [sequence, id] = listOf(reply)
  return id === null || id === undefined ? undefined : { sequence: numberOf(sequence), id: textOf(id) }
}

/** An entry is its id, `<number>-1`, and a list of one field and the message. */
function messageIn(entry: Parameters<typeof listOf>[0]): ChangeMessage | undefined {
  const [id, fields] = listOf(entry)
  const bytes = bytesOf(listOf(fields)[1])
  const message = bytes === undefined ? undefined : readMessage(bytes)
  return message?.kind === 'changes' && textOf(id) === `${message.sequence}-1` ? message : undefined
}
