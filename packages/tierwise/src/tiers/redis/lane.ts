import type { KeyLayout } from './key-layout.ts'

/**
 * Where a lane of the bus lies in Redis. All three share a slot with the records of the lane, so that one script can
 * change a record, log the change and announce it.
 */
export interface LaneNames {
  /**
   * Hash: `seq`, the number of changes so far; `id`, a random text for the latest of them; and what the authority has to
   * remember for sure (`authority/lane-memory.ts`).
   */
  readonly head: string
  /** Stream of the latest changes, `<seq>-1` to the message. */
  readonly log: string
  readonly channel: string
}

/** The lanes of the bus: those of the records; on a cluster one more, for tags and clears. */
export function busLanes(layout: KeyLayout): { readonly lanes: number; readonly tagLane: number } {
  return layout.lanes === 1 ? { lanes: 1, tagLane: 0 } : { lanes: layout.lanes + 1, tagLane: layout.lanes }
}

/** `prefix` is the first part of every storage key of the manager. */
export function laneNames(prefix: string, layout: KeyLayout, lane: number): LaneNames {
  const tag = `{${prefix}:${lane < layout.lanes ? lane : 'tags'}}`
  return { head: `${tag}:lane`, log: `${tag}:log`, channel: `${tag}:bus` }
}

/**
 * `emit(names, publish, source, id, changes)` counts a change, logs it and announces it; returns its number. `names` is
 * `{ head, log, channel }`, `publish` is PUBLISH or SPUBLISH, `source` the instance that makes the change, `id` a random
 * text for it, `changes` a list of `{ 'S' | 'D' | 'X', key, version }` and `{ 'T', names, clock }`.
 *
 * The message carries the id of the change before it. Who has seen that one knows that nothing lies in between, and that
 * what it saw is still part of what the server knows: a server that lost its last changes and went on has other ids.
 */
export const emitLua = `
local function emit(names, publish, source, id, changes)
  local before = redis.call('HGET', names[1], 'id')
  if not before then
    -- protocol P3 old-log: a log without a head belongs to a history that is lost
    redis.call('DEL', names[2])
    before = ''
  end
  local seq = redis.call('HINCRBY', names[1], 'seq', 1)
  -- protocol P3 head-id: a number alone does not tell one history from another
  redis.call('HSET', names[1], 'id', id)
  local message = cmsgpack.pack({ 1, seq, before, id, source, changes })
  -- protocol P3 logged: who missed the message finds it only there
  redis.call('XADD', names[2], 'MAXLEN', '~', '10000', string.format('%.0f-1', seq), 'm', message)
  redis.call(publish, names[3], message)
  return seq
end
`

/** `arrived(channel, publish, key)` wakes those who wait for the key to be loaded. It is not a change and is not counted. */
export const arrivedLua = `
local function arrived(channel, publish, key)
  redis.call(publish, channel, cmsgpack.pack({ 1, 0, key }))
end
`
