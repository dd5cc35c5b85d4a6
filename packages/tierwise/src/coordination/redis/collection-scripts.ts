import { lookingScript, nowLua, stepScript, type FirstLook, type StepScript } from './step-script.ts'

/** A set: a sorted set of members by the instant of their end. The key ends with the last of them. */
const setLook: FirstLook = {
  kind: 'set',
  look: `local held = redis.pcall('ZRANGE', key, 0, 0, 'WITHSCORES')`,
  isOwn: `held[1] and string.sub(held[1], 1, 1) == 's'`,
  isAbsent: `not held[1] and not held.err`,
}

const isThereLua = `
local function isThere(member)
  local ends = redis.call('ZSCORE', key, 's' .. member)
  return ends and tonumber(ends) > now
end
`

/** The key ends with its last member. */
const endWithLastLua = `
local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
if last == 'inf' then
  redis.call('PERSIST', key)
elseif last then
  redis.call('PEXPIREAT', key, tonumber(last))
end
`

/** ARGV: pairs of a member and its life in milliseconds, empty for never ending. Returns 1 or 0 for whether each was new. */
export const enterScript: StepScript = lookingScript('enter', setLook, {
  body: `
${nowLua}
-- As long as the first to end has not, a member that is there is one that has not ended.
local hasEnded = kind and tonumber(held[2]) <= now
local found, latest, areNew = {}, 0, true
local left = kind and redis.call('PTTL', key) or -2
for i = 1, #ARGV, 2 do
  local member = 's' .. ARGV[i]
  local ends = ARGV[i + 1] == '' and math.huge or now + tonumber(ARGV[i + 1])
  local before = hasEnded and redis.call('ZSCORE', key, member)
  local isNew = redis.call('ZADD', key, ends == math.huge and '+inf' or ends, member) == 1
  if not isNew then areNew = false end
  if before and tonumber(before) <= now then isNew = true end
  found[#found + 1] = isNew and 1 or 0
  latest = math.max(latest, ends)
end
-- After the first addition, which is refused when the memory is full; after a removal Redis would let all of it pass.
if hasEnded then redis.call('ZREMRANGEBYSCORE', key, '-inf', now) end
if areNew and not hasEnded then
  -- The clocks of TIME and PTTL are a moment apart: the key may stay that much longer, and never less.
  if not kind or (left >= 0 and left < latest - now + 2) then
    if latest < math.huge then
      redis.call('PEXPIREAT', key, math.max(latest, now + left + 2))
    elseif kind then
      redis.call('PERSIST', key)
    end
  end
  return found
end
${endWithLastLua}
return found
`,
})

/** ARGV: members. Returns 1 or 0 for whether each is there. */
export const containsScript: StepScript = lookingScript('contains', setLook, {
  body: `
${nowLua}
${isThereLua}
local found = {}
for i, member in ipairs(ARGV) do found[i] = kind and isThere(member) and 1 or 0 end
return found
`,
})

/** ARGV: members. Returns 1 or 0 for whether each was there. */
export const leaveScript: StepScript = lookingScript('leave', setLook, {
  body: `
${nowLua}
${isThereLua}
local found = {}
for i, member in ipairs(ARGV) do
  found[i] = kind and isThere(member) and 1 or 0
  if kind then redis.call('ZREM', key, 's' .. member) end
end
if kind then
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  ${endWithLastLua}
end
return found
`,
})

/** ARGV: none. Returns how many members there are. */
export const sizeScript: StepScript = lookingScript('size', setLook, {
  body: `
if not kind then return 0 end
${nowLua}
return redis.call('ZCOUNT', key, string.format('(%.0f', now), '+inf')
`,
})

/** ARGV: none. Returns the members, each with an `s` before it. */
export const membersScript: StepScript = lookingScript('members', setLook, {
  body: `
if not kind then return {} end
${nowLua}
return redis.call('ZRANGEBYSCORE', key, string.format('(%.0f', now), '+inf')
`,
})

/** Gives the whole key a new life in milliseconds, empty for never ending, unless it is to `keep` the one it has. */
const liveLua = `
local function live(life)
  if life == 'keep' then return end
  if life == '' then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, life) end
end
`

/**
 * ARGV: the life of the whole in milliseconds, empty for never ending, or `keep`; then for each field its name, `=` or `-`, and its value,
 * empty when it is removed. Returns nil.
 */
export const setFieldsScript: StepScript = stepScript(
  'setFields',
  ['fields'],
  `
${liveLua}
for i = 2, #ARGV, 3 do
  if ARGV[i + 1] == '=' then
    redis.call('HSET', key, 'kind', 'fields', ':' .. ARGV[i], ARGV[i + 2])
  else
    redis.call('HDEL', key, ':' .. ARGV[i])
  end
end
if redis.call('HLEN', key) == 1 then
  redis.call('UNLINK', key)
else
  live(ARGV[1])
end
return false
`,
)

/** ARGV: `all`, or `some` and names. Returns names, each with a colon before it, and values; nil when there is nothing. */
export const fieldsScript: StepScript = stepScript(
  'fields',
  ['fields'],
  `
if not kind then return false end
if ARGV[1] == 'all' then
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] == 'kind' then
      table.remove(all, i)
      table.remove(all, i)
      return all
    end
  end
end
local found = {}
for i = 2, #ARGV do
  local value = redis.call('HGET', key, ':' .. ARGV[i])
  if value then
    found[#found + 1] = ':' .. ARGV[i]
    found[#found + 1] = value
  end
end
return found
`,
)

/**
 * ARGV: how many to keep, empty for all; the life of the whole in milliseconds, empty for never ending, or `keep`; then pairs of a score
 * and a member. Returns nil.
 */
export const rankScript: StepScript = stepScript(
  'rank',
  ['ranked'],
  `
${liveLua}
for i = 3, #ARGV, 2 do redis.call('ZADD', key, ARGV[i], 'r' .. ARGV[i + 1]) end
if ARGV[1] ~= '' then redis.call('ZREMRANGEBYRANK', key, 0, -1 - tonumber(ARGV[1])) end
live(ARGV[2])
return false
`,
)

/** ARGV: least and largest score, how many (-1 for all), `up` or `down`. Returns members, each with an `r` before it, and scores. */
export const rankedScript: StepScript = stepScript(
  'ranked',
  ['ranked'],
  `
if ARGV[4] == 'up' then
  return redis.call('ZRANGEBYSCORE', key, ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
end
return redis.call('ZREVRANGEBYSCORE', key, ARGV[2], ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
`,
)

/** ARGV: members. Returns how many were removed. */
export const unrankMembersScript: StepScript = stepScript(
  'unrank',
  ['ranked'],
  `
local removed = 0
for _, member in ipairs(ARGV) do removed = removed + redis.call('ZREM', key, 'r' .. member) end
return removed
`,
)

/** ARGV: least and largest score. Returns how many were removed. */
export const unrankRangeScript: StepScript = stepScript(
  'unrank',
  ['ranked'],
  `return redis.call('ZREMRANGEBYSCORE', key, ARGV[1], ARGV[2])`,
)
