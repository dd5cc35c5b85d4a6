import { lookingScript, nowLua, type FirstLook, type StepScript } from './step-script.ts'

/**
 * A hash: `fence` of the latest tenure, `owner` and `ends` of the holder, and in `line` those who wait, first in front, as
 * a packed list of names and instants. `never` stands for a tenure without an end.
 *
 * A fence is one more than that before, and at least the time of the server in microseconds: a server that has lost its
 * state, or its last steps in a failover, does not give what it has given before, unless its clock was set back too. The
 * last fence is remembered for a while after the tenure for that case.
 */
const tenureLook: FirstLook = {
  kind: 'tenure',
  look: `local held = redis.pcall('HMGET', key, 'kind', 'owner', 'ends', 'line', 'fence')`,
  isOwn: `held[1] == 'tenure'`,
  // Without the first field it may still be somebody else's hash.
  isAbsent: `held[1] == false and redis.call('HLEN', key) == 0`,
}

const tenureLua = `
${nowLua}
local never = 9007199254740991
local keptMs = 2592000000
local me = ARGV[1]
local owner, ends, waiting, fence = held[2], tonumber(held[3] or 0), held[4], tonumber(held[5] or 0)
if ends <= now then owner, ends = false, 0 end
`

/** The line, and how all of it is saved. Most tenures never have one: without `waiting` a step does without this. */
const lineLua = `
local line = {}
if waiting then
  waiting = cmsgpack.unpack(waiting)
  for i = 1, #waiting, 2 do
    if waiting[i + 1] > now then line[#line + 1] = { name = waiting[i], ends = waiting[i + 1] } end
  end
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

const nextFenceLua = `if owner ~= me then fence = math.max(fence + 1, time[1] * 1000000 + time[2]) end`

/**
 * ARGV: the owner; the life of the tenure in milliseconds, empty for never ending; for how long the owner stands in the
 * line, empty for never ending, 0 for not at all. Returns 1 and the fence; or 0, for how long it is busy at most (-1 for
 * ever), and how many stand before.
 */
export const acquireScript: StepScript = lookingScript('acquire', tenureLook, {
  body: `
${tenureLua}
if not waiting and (not owner or owner == me) then
  ${nextFenceLua}
  ends = ARGV[2] == '' and never or now + tonumber(ARGV[2])
  redis.call('HSET', key, 'kind', 'tenure', 'fence', fence, 'owner', me, 'ends', ends)
  redis.call('PEXPIREAT', key, ends + keptMs)
  return { 1, fence }
end
${lineLua}
local place = placeOf(me)
local ahead = (place or #line + 1) - 1
if owner == me or (not owner and ahead == 0) then
  ${nextFenceLua}
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
})

/** ARGV: the owner, and the life from now on in milliseconds, empty for never ending. Returns 1, or 0 for not held. */
export const renewScript: StepScript = lookingScript('renew', tenureLook, {
  body: `
${tenureLua}
if owner ~= me then return 0 end
${lineLua}
ends = endOf(ARGV[2])
save()
return 1
`,
})

/** ARGV: the owner, and the channel on which the next in line is told. Returns 1, or 0 for not held. */
export const releaseScript: StepScript = lookingScript('release', tenureLook, {
  body: `
${tenureLua}
local isHolder = owner == me
if not waiting then
  if not isHolder then return 0 end
  redis.call('HDEL', key, 'owner', 'ends')
  -- Else the fence is remembered for as long as it was going to be, which is long enough and does no harm.
  if ends - now > keptMs then redis.call('PEXPIREAT', key, now + keptMs) end
  return 1
end
${lineLua}
local place = placeOf(me)
if not isHolder and not place then return 0 end
if place then table.remove(line, place) end
if isHolder then owner, ends = false, 0 end
save()
redis.call('PUBLISH', ARGV[2], '')
return isHolder and 1 or 0
`,
})
