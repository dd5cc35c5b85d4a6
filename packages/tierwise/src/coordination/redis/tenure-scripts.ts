import { nowLua, stepScript, type StepScript } from './step-script.ts'

/**
 * A hash: `fence` of the latest tenure, `owner` and `ends` of the holder, and in `line` those who wait, first in front, as
 * a packed list of names and instants. `never` stands for a tenure without an end.
 *
 * A fence is one more than that before, and at least the time of the server in microseconds: a server that has lost its
 * state, or its last steps in a failover, does not give what it has given before, unless its clock was set back too. The
 * last fence is remembered for a while after the tenure for that case.
 */
const tenureLua = `
local never = 9007199254740991
local keptMs = 2592000000
${nowLua}local held = redis.call('HMGET', key, 'owner', 'ends', 'line', 'fence')
local owner, ends, fence = held[1], tonumber(held[2] or 0), tonumber(held[4] or 0)
if ends <= now then owner, ends = false, 0 end
local line = {}
local waiting = held[3] and cmsgpack.unpack(held[3]) or {}
for i = 1, #waiting, 2 do
  if waiting[i + 1] > now then line[#line + 1] = { name = waiting[i], ends = waiting[i + 1] } end
end
local function endOf(life) return life == '' and never or now + tonumber(life) end
local function leftOf(instant) return instant == never and -1 or instant - now end
local function placeOf(name)
  for i, each in ipairs(line) do if each.name == name then return i end end
  return nil
end
local function save()
  local last = math.max(now, ends)
  local packed = {}
  for i, each in ipairs(line) do
    packed[2 * i - 1], packed[2 * i] = each.name, each.ends
    last = math.max(last, each.ends)
  end
  redis.call('HSET', key, 'kind', 'tenure', 'fence', fence)
  if owner then redis.call('HSET', key, 'owner', owner, 'ends', ends) else redis.call('HDEL', key, 'owner', 'ends') end
  if #line > 0 then redis.call('HSET', key, 'line', cmsgpack.pack(packed)) else redis.call('HDEL', key, 'line') end
  redis.call('PEXPIREAT', key, last + keptMs)
end
`

/**
 * ARGV: the owner; the life of the tenure in milliseconds, empty for never ending; for how long the owner stands in the
 * line, empty for never ending, 0 for not at all. Returns 1 and the fence; or 0, for how long it is busy at most (-1 for
 * ever), and how many stand before.
 */
export const acquireScript: StepScript = stepScript(
  'acquire',
  ['tenure'],
  `
${tenureLua}
local me = ARGV[1]
local place = placeOf(me)
local ahead = (place or #line + 1) - 1
if owner == me or (not owner and ahead == 0) then
  if owner ~= me then
    local time = redis.call('TIME')
    fence = math.max(fence + 1, time[1] * 1000000 + time[2])
  end
  if place then table.remove(line, place) end
  owner, ends = me, endOf(ARGV[2])
  save()
  return { 1, fence }
end
local left = owner and leftOf(ends) or leftOf(line[1].ends)
if ARGV[3] ~= '0' then
  line[place or #line + 1] = { name = me, ends = endOf(ARGV[3]) }
  save()
elseif place then
  table.remove(line, place)
  save()
end
return { 0, left, ahead }
`,
)

/** ARGV: the owner, and the life from now on in milliseconds, empty for never ending. Returns 1, or 0 for not held. */
export const renewScript: StepScript = stepScript(
  'renew',
  ['tenure'],
  `
${tenureLua}
if owner ~= ARGV[1] then return 0 end
ends = endOf(ARGV[2])
save()
return 1
`,
)

/** ARGV: the owner, and the channel on which the next in line is told. Returns 1, or 0 for not held. */
export const releaseScript: StepScript = stepScript(
  'release',
  ['tenure'],
  `
${tenureLua}
local place = placeOf(ARGV[1])
local isHolder = owner == ARGV[1]
if not isHolder and not place then return 0 end
if place then table.remove(line, place) end
if isHolder then owner, ends = false, 0 end
save()
redis.call('PUBLISH', ARGV[2], '')
return isHolder and 1 or 0
`,
)
