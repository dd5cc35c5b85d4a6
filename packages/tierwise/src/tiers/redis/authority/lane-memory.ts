/**
 * What the head of a lane remembers besides its changes, in the hash whose loss is noticed: it has no life, and with it go
 * `gen` and thereby every lease. A hold or a fence that lay in a key of its own could be lost alone, and nothing would say
 * that a load is not to be stored.
 *
 * Fields: `gen`, a random text made with the first of them; `born`, since when the lane remembers; `hi`, the highest
 * version that it gave; `h:<key>`, who holds the key and until when, in pairs; `f:<key>`, its fence and how long that is
 * remembered; `sweep`, where the search for holds and fences that are over goes on, and when: there as long as there may be any.
 */
export const laneMemoryLua = `
local function whole(number) return string.format('%.0f', number) end
local remembered = redis.call('HMGET', KEYS[1], 'gen', 'born', 'hi', 'sweep')
local gen, born, highest, sweep = remembered[1], tonumber(remembered[2]) or now, tonumber(remembered[3]) or -1, remembered[4]
local newest, guarded = highest, 0
-- protocol P6 born-again: after a step back of the clock nobody knows how long ago the lane began
if (not gen and not full) or born > now then
  gen, born = gen or ARGV[4], now
  redis.call('HSET', KEYS[1], 'gen', gen, 'born', whole(born))
end
local function note(version)
  -- A damaged record must not use up the versions of all the others.
  if version < 9e15 then newest = math.max(newest, version) end
  return version
end
`

/** Reads `h:<key>` and `f:<key>`, changes them, and removes those that are over, a few in each call. */
export const guardsLua = `
local function guardsOf(key)
  if not sweep and guarded == 0 then return { holds = {} } end
  local found = redis.call('HMGET', KEYS[1], 'h:' .. key, 'f:' .. key)
  local guards = { holds = {} }
  for source, till in string.gmatch(found[1] or '', '(%S+) (%d+)') do guards.holds[source] = tonumber(till) end
  local fence, till = string.match(found[2] or '', '(%S+) (%d+)')
  if till and tonumber(till) > now then guards.fence, guards.fenceUntil = tonumber(fence), tonumber(till) end
  return guards
end
local function heldUntil(guards, coldMs)
  -- protocol P6 cold: what the lane has forgotten may have been a hold or a fence
  local latest = born + coldMs * 1000
  for _, till in pairs(guards.holds) do latest = math.max(latest, till) end
  return latest
end
local function hold(guards, key, holdMs)
  -- protocol P1 hold-longest: another write of the process may hold the key for longer
  local own = math.max(guards.holds[ARGV[3]] or 0, now + holdMs * 1000)
  -- protocol P1 hold-own: the write of another process goes on
  guards.holds[ARGV[3]] = holdMs > 0 and own or nil
  local texts = {}
  for source, till in pairs(guards.holds) do
    if till > now then texts[#texts + 1] = source .. ' ' .. whole(till) end
  end
  if #texts == 0 then return redis.call('HDEL', KEYS[1], 'h:' .. key) end
  guarded = guarded + 1
  redis.call('HSET', KEYS[1], 'h:' .. key, table.concat(texts, ' '))
end
local function raise(guards, key, fence)
  guarded = guarded + 1
  -- protocol P1 fence-highest: an older fence may be raised after a newer one
  guards.fence = math.max(fence, guards.fence or fence)
  guards.fenceUntil = math.max(guards.fenceUntil or 0, now + lateMs * 1000)
  redis.call('HSET', KEYS[1], 'f:' .. key, string.format('%.17g', guards.fence) .. ' ' .. whole(guards.fenceUntil))
end
local function isOver(field, text)
  if not string.find(field, '^[hf]:') then return false end
  for till in string.gmatch(text, '%S+ (%d+)') do
    if tonumber(till) > now then return false end
  end
  return true
end
local function sweepGuards()
  -- More are looked at than were added, so that what is over does not pile up; and some each second while there are any.
  local cursor, due = string.match(sweep or '0 0', '(%d+) (%d+)')
  if guarded == 0 and (not sweep or tonumber(due) > now) then return end
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', whole(16 + 4 * guarded))
  for i = 1, #page[2], 2 do
    if isOver(page[2][i], page[2][i + 1]) then redis.call('HDEL', KEYS[1], page[2][i]) end
  end
  redis.call('HSET', KEYS[1], 'sweep', page[1] .. ' ' .. whole(now + 1000000))
  local own = 0
  for _, field in ipairs(redis.call('HMGET', KEYS[1], 'seq', 'id', 'gen', 'born', 'hi', 'sweep')) do
    if field then own = own + 1 end
  end
  if redis.call('HLEN', KEYS[1]) == own then redis.call('HDEL', KEYS[1], 'sweep') end
end
`
