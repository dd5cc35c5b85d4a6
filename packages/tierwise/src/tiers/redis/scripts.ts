import { Script } from '../../clients/redis/script.ts'
import { emitLua } from './lane.ts'

/**
 * What a script knows of a stored string: kind, version, expiry, and the bytes up to where a frame says until when it is
 * fresh; nothing when it is not ours or no version, `false` for another type. The kinds are those of `record.ts`.
 */
export const readHeadLua = `
local function isRecord(kind) return kind == 0 or kind == 2 end
local function headOf(key)
  local head = redis.pcall('GETRANGE', key, 0, 39)
  if type(head) == 'table' then
    if string.find(head.err, 'WRONGTYPE', 1, true) then return false end
    error(head)
  end
  if #head < 20 or string.sub(head, 1, 2) ~= 'TR' then return nil end
  local version = struct.unpack('>d', string.sub(head, 5, 12))
  if not (version >= 0 and version <= 9007199254740991) then return nil end
  return string.byte(head, 4), version, struct.unpack('>d', string.sub(head, 13, 20)), head
end
`

/**
 * KEYS: one for each operation. ARGV: the writer's time in epoch milliseconds, then for each operation the version that
 * nothing held may exceed, the life in milliseconds (0 for never ending), and the bytes with their head.
 *
 * Returns for each operation 0 (something newer is held), 1 (written), 2 (written over a live record), 3 (the key is of
 * another type and was left alone), or the text of an out-of-memory error.
 *
 * The operations run in order and none is interrupted by another client. A tombstone is written even when the memory is
 * full: once a script has freed something Redis lets it write, so an invalidation is never refused for lack of memory.
 * Any other error (READONLY, MISCONF) comes before the first write and is the answer to the whole command, so that the
 * client sees it too.
 */
export const writeScript: Script = new Script(`
${readHeadLua}
local now = tonumber(ARGV[1])
local outcomes = {}
local function write(key, life, bytes)
  if life == '0' then return redis.pcall('SET', key, bytes) end
  return redis.pcall('SET', key, bytes, 'PX', life)
end
for i, key in ipairs(KEYS) do
  local limit, life, bytes = tonumber(ARGV[3 * i - 1]), ARGV[3 * i], ARGV[3 * i + 1]
  local kind, version, expiresAt = headOf(key)
  if kind == false then
    outcomes[i] = 3
  elseif kind and version > limit then
    outcomes[i] = 0
  else
    local done = write(key, life, bytes)
    if done.err and string.find(done.err, 'OOM', 1, true) then
      if string.byte(bytes, 4) == 1 then
        redis.call('UNLINK', key)
        done = write(key, life, bytes)
      end
    end
    if not done.err then
      outcomes[i] = (isRecord(kind) and expiresAt > now) and 2 or 1
    elseif string.find(done.err, 'OOM', 1, true) then
      outcomes[i] = done.err
    else
      return done
    end
  end
end
return outcomes
`)

/**
 * KEYS: any of one slot. ARGV: a version. Removes the records that are not newer; tombstones, and whatever is not ours,
 * stay. Returns how many were removed.
 */
export const clearScript: Script = new Script(`
${readHeadLua}
local limit = tonumber(ARGV[1])
local removed = 0
for _, key in ipairs(KEYS) do
  local kind, version = headOf(key)
  if kind and kind ~= 1 and version <= limit then removed = removed + redis.call('UNLINK', key) end
end
return removed
`)

/** KEYS: any of one slot. ARGV: none. Returns how many of them are records. */
export const countScript: Script = new Script(`
${readHeadLua}
local records = 0
for _, key in ipairs(KEYS) do
  if isRecord((headOf(key))) then records = records + 1 end
end
return records
`)

/**
 * KEYS: any of one slot. ARGV: none. Returns for each key a pair of its value and its PTTL, or nil where there is none or
 * it is not a string. One script, because a value and a life that were read apart may belong to different writes.
 */
export const rawReadScript: Script = new Script(`
local found = {}
for i, key in ipairs(KEYS) do
  local value = redis.pcall('GET', key)
  if type(value) == 'string' then
    found[i] = { value, redis.call('PTTL', key) }
  elseif value and not string.find(value.err, 'WRONGTYPE', 1, true) then
    return value
  else
    found[i] = false
  end
end
return found
`)

/**
 * The clock of the tag marks, in the same sorted set as the marks, so that an eviction takes all or nothing. It follows the
 * time of the server in microseconds, so that one that has lost its last steps does not take them again; one that begins
 * anew remembers where as its floor.
 */
const readTagClock = `
local held = redis.call('ZSCORE', KEYS[1], 'clock')
local function startingAt(least)
  local time = redis.call('TIME')
  return math.max(time[1] * 1000000 + time[2], least)
end
local function scoreOf(clock) return string.format('%.0f', clock) end
`

/**
 * KEYS: the sorted set of the tag marks, head and log of the lane of tags. ARGV: what the clock is at least raised to,
 * channel of the lane, PUBLISH or SPUBLISH, the instance, a random id, then the tags. Returns the new clock.
 *
 * After a first write, which PERSIST is although it changes nothing, Redis lets a script write with full memory.
 */
export const invalidateTagsScript: Script = new Script(`
${emitLua}
${readTagClock}
local least = tonumber(ARGV[1])
-- protocol P6 tag-clock-new: a clock that begins anew, or that a server has lost the last steps of, must not give what it gave before
local clock = math.max(tonumber(held or 0) + 1, startingAt(least))
redis.call('PERSIST', KEYS[1])
-- protocol P6 tag-floor: marks are lost, and nobody knows of which tags
if not held then redis.call('ZADD', KEYS[1], scoreOf(clock), 'floor') end
redis.call('ZADD', KEYS[1], scoreOf(clock), 'clock')
local tags = {}
for i = 6, #ARGV do
  redis.call('ZADD', KEYS[1], scoreOf(clock), ':' .. ARGV[i])
  tags[#tags + 1] = ARGV[i]
end
-- protocol P3 tags-told: memory of others holds what the tags have made old
if #tags > 0 then emit({ KEYS[2], KEYS[3], ARGV[2] }, ARGV[3], ARGV[4], ARGV[5], { { 'T', tags, clock } }) end
return scoreOf(clock)
`)

/**
 * KEYS: the sorted set of the tag marks. ARGV: an instant. Returns the clock, the floor, and the marks later than the
 * instant with their scores as one list. A set that is not there begins now; where it cannot be written, it is as if.
 */
export const loadTagsScript: Script = new Script(`
${readTagClock}
local floor
if held then
  floor = redis.call('ZSCORE', KEYS[1], 'floor')
else
  held = scoreOf(startingAt(0))
  floor = held
  redis.pcall('ZADD', KEYS[1], held, 'clock', held, 'floor')
end
return { held, floor, redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES') }
`)
