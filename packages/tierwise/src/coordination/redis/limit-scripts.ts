import { stepScript, type HeldKind, type StepScript } from './step-script.ts'

const limits: readonly HeldKind[] = ['bucket', 'fixed-window', 'sliding-window']

/**
 * The arithmetic is that of `limit-rules.ts`, in the same doubles. `answer` is what every script that takes returns: 1 or 0
 * for allowed, what remains, milliseconds until a retry (-1 for never) and until all can be taken again, and the time.
 *
 * What another rule left behind under the key counts for nothing, and is removed with the first taking.
 */
const limitLua = `
local now = nowMs()
local function waitFor(isAllowed, isPossible, ms)
  if isAllowed then return 0 end
  return isPossible and math.max(1, math.ceil(ms)) or -1
end
local function answer(isAllowed, remaining, retry, reset, at)
  return { isAllowed and 1 or 0, remaining, retry, reset, whole(at) }
end
local function removeOther(own) if kind and kind ~= own then redis.call('UNLINK', key) end end
`

/** ARGV: capacity, limit, period in milliseconds, cost, `take` or `peek`. */
export const takeBucketScript: StepScript = stepScript(
  'take',
  limits,
  `
${limitLua}
local capacity, limit, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local at, debt = now, 0
if kind == 'bucket' then
  local held = redis.call('HMGET', key, 'debt', 'at')
  local was = tonumber(held[2])
  at = math.max(now, was)
  debt = math.max(0, tonumber(held[1]) - (at - was) * limit)
end
local most, wanted = capacity * period, cost * period
local isAllowed = debt + wanted <= most
local retry = waitFor(isAllowed, cost <= capacity, (debt + wanted - most) / limit)
local isTaken = isAllowed and ARGV[5] == 'take'
if isTaken then debt = debt + wanted end
local reset = math.ceil(debt / limit)
if isTaken then
  removeOther('bucket')
  redis.call('HSET', key, 'kind', 'bucket', 'debt', whole(debt), 'at', whole(at))
  redis.call('PEXPIREAT', key, whole(at + reset))
end
return answer(isAllowed, math.floor((most - debt) / period), retry, reset, now)
`,
)

/** ARGV: limit, period in milliseconds, cost, `take` or `peek`. */
export const takeFixedScript: StepScript = stepScript(
  'take',
  limits,
  `
${limitLua}
local limit, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local taken, ends = 0, now + period
if kind == 'fixed-window' then
  local held = redis.call('HMGET', key, 'taken', 'ends')
  if tonumber(held[2]) > now then taken, ends = tonumber(held[1]), tonumber(held[2]) end
end
local isAllowed = taken + cost <= limit
local retry = waitFor(isAllowed, cost <= limit, ends - now)
if isAllowed and ARGV[4] == 'take' then
  taken = taken + cost
  removeOther('fixed-window')
  redis.call('HSET', key, 'kind', 'fixed-window', 'taken', whole(taken), 'ends', whole(ends))
  redis.call('PEXPIREAT', key, whole(ends))
end
return answer(isAllowed, math.max(0, limit - taken), retry, taken == 0 and 0 or ends - now, now)
`,
)

/**
 * A list of `time units`, oldest first and one for each millisecond, and at its end the sum of all units. What has left the
 * window is removed when it is met, so a request costs what it removes and not what is noted.
 */
const slidingLua = `
local function itemOf(text)
  local at, units = string.match(text, '^(%d+) (%d+)$')
  return tonumber(at), tonumber(units)
end
local function sumText(sum) return 'sliding-window ' .. whole(sum) end
local function sumOfAll() return tonumber(string.match(redis.call('LINDEX', key, -1), ' (%d+)$')) end
-- Calls visit(at, units) from the oldest on until it returns true; returns how many were passed.
local function passOldest(visit)
  local passed, size = 0, 1
  while true do
    local page = redis.call('LRANGE', key, whole(passed), whole(passed + size - 1))
    for _, text in ipairs(page) do
      local at, units = itemOf(text)
      if not at or visit(at, units) then return passed end
      passed = passed + 1
    end
    if #page < size then return passed end
    size = math.min(size * 8, 512)
  end
end
`

/** ARGV: limit, period in milliseconds, cost, `take` or `peek`. */
export const takeSlidingScript: StepScript = stepScript(
  'take',
  limits,
  `
${limitLua}
${slidingLua}
local limit, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local used, last, lastUnits = 0, nil, nil
if kind == 'sliding-window' then
  last, lastUnits = itemOf(redis.call('LINDEX', key, -2))
  if last <= now - period then
    redis.call('UNLINK', key)
    kind, last = nil, nil
  else
    used = sumOfAll()
    local gone = passOldest(function(at, units)
      if at > now - period then return true end
      used = used - units
    end)
    if gone > 0 then
      redis.call('LTRIM', key, whole(gone), -1)
      redis.call('LSET', key, -1, sumText(used))
    end
  end
end
local isAllowed = used + cost <= limit
local freedAt = now
if not isAllowed and cost <= limit then
  local missing = used + cost - limit
  passOldest(function(at, units)
    missing = missing - units
    freedAt = at
    return missing <= 0
  end)
end
local retry = waitFor(isAllowed, cost <= limit, freedAt + period - now)
local at = now
if isAllowed and ARGV[4] == 'take' then
  removeOther('sliding-window')
  -- A clock that was set back must not put a taking before an older one: the list is in order.
  at = math.max(now, last or now)
  used = used + cost
  if not last then
    redis.call('RPUSH', key, whole(at) .. ' ' .. whole(cost), sumText(used))
  elseif last == at then
    redis.call('LSET', key, -2, whole(at) .. ' ' .. whole(lastUnits + cost))
    redis.call('LSET', key, -1, sumText(used))
  else
    redis.call('LSET', key, -1, whole(at) .. ' ' .. whole(cost))
    redis.call('RPUSH', key, sumText(used))
  end
  last = at
  redis.call('PEXPIREAT', key, whole(at + period))
end
return answer(isAllowed, math.max(0, limit - used), retry, last and last + period - now or 0, at)
`,
)

/** ARGV: limit, period in milliseconds, units, and the time at which they were taken. Returns nil. */
export const giveBackBucketScript: StepScript = stepScript(
  'giveBack',
  limits,
  `
if kind ~= 'bucket' then return false end
local limit, period, units, at = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- What the bucket was filled with since may have been lost at its brim, so it is not given twice.
local parts = units * period - math.max(0, nowMs() - at) * limit
local debt = tonumber(redis.call('HGET', key, 'debt'))
redis.call('HSET', key, 'debt', whole(math.max(0, debt - math.max(0, parts))))
return false
`,
)

/** ARGV: period in milliseconds, units, and the time at which they were taken. Returns nil. */
export const giveBackFixedScript: StepScript = stepScript(
  'giveBack',
  limits,
  `
if kind ~= 'fixed-window' then return false end
local period, units, at = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', key, 'taken', 'ends')
local ends = tonumber(held[2])
if at >= ends or at < ends - period then return false end
redis.call('HSET', key, 'taken', whole(math.max(0, tonumber(held[1]) - units)))
return false
`,
)

/** ARGV: units, and the time at which they were taken. Returns nil. */
export const giveBackSlidingScript: StepScript = stepScript(
  'giveBack',
  limits,
  `
if kind ~= 'sliding-window' then return false end
${slidingLua}
local units, at = tonumber(ARGV[1]), tonumber(ARGV[2])
-- What is given back was taken a moment ago, so it is looked for from the newest on.
local index, size, held, found = -2, 1, nil, nil
while not held do
  local page = redis.call('LRANGE', key, whole(index - size + 1), whole(index))
  for i = #page, 1, -1 do
    local time, taken = itemOf(page[i])
    if time < at then return false end
    if time == at then
      held, found = taken, page[i]
      break
    end
    index = index - 1
  end
  if not held and #page < size then return false end
  size = math.min(size * 8, 512)
end
local back = math.min(units, held)
local sum = sumOfAll() - back
if back == held then
  redis.call('LREM', key, -1, found)
else
  redis.call('LSET', key, whole(index), whole(at) .. ' ' .. whole(held - back))
end
if redis.call('LLEN', key) == 1 then redis.call('UNLINK', key) else redis.call('LSET', key, -1, sumText(sum)) end
return false
`,
)
