import { lookingScript, nowLua, stepScript, type FirstLook, type HeldKind, type StepScript } from './step-script.ts'

const limits: readonly HeldKind[] = ['bucket', 'fixed-window', 'sliding-window']

/** A hash that says what it is. */
function hashLook(kind: HeldKind, fields: string): FirstLook {
  return {
    kind,
    look: `local held = redis.pcall('HMGET', key, 'kind', ${fields})`,
    isOwn: `held[1] == '${kind}'`,
    // Without the first field it may still be somebody else's hash.
    isAbsent: `held[1] == false and redis.call('HLEN', key) == 0`,
  }
}

/**
 * The arithmetic is that of `limit-rules.ts`, in the same doubles. Every script that takes returns 1 or 0 for allowed, what
 * remains, milliseconds until a retry (-1 for never) and until all can be taken again, and the time.
 *
 * What another rule left behind under the key counts for nothing, and is removed with the first taking. A state of the own
 * rule that has ended says so by its numbers, in its last millisecond too. `isPossible` and `ms` are Lua.
 */
function retryLua(isPossible: string, ms: string): string {
  return `
local retry = 0
if not isAllowed then retry = ${isPossible} and math.max(1, math.ceil(${ms})) or -1 end
`
}

/** ARGV: capacity, limit, period in milliseconds, cost, `take` or `peek`. */
export const takeBucketScript: StepScript = lookingScript('take', hashLook('bucket', `'debt', 'at'`), {
  kinds: limits,
  body: `
${nowLua}
local capacity, limit, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local at, debt = now, 0
if kind == 'bucket' then
  local was = tonumber(held[3])
  at = math.max(now, was)
  debt = math.max(0, tonumber(held[2]) - (at - was) * limit)
end
local most, wanted = capacity * period, cost * period
local isAllowed = debt + wanted <= most
${retryLua('cost <= capacity', '(debt + wanted - most) / limit')}
local isTaken = isAllowed and ARGV[5] == 'take'
if isTaken then debt = debt + wanted end
local reset = math.ceil(debt / limit)
if isTaken then
  if kind == 'bucket' then
    redis.call('HSET', key, 'debt', debt, 'at', at)
  else
    if kind then redis.call('UNLINK', key) end
    redis.call('HSET', key, 'kind', 'bucket', 'debt', debt, 'at', at)
  end
  redis.call('PEXPIREAT', key, at + reset)
end
return { isAllowed and 1 or 0, math.floor((most - debt) / period), retry, reset, now }
`,
})

/** ARGV: limit, period in milliseconds, cost, `take` or `peek`. */
export const takeFixedScript: StepScript = lookingScript('take', hashLook('fixed-window', `'taken', 'ends'`), {
  kinds: limits,
  body: `
${nowLua}
local limit, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local taken, ends, isRunning = 0, now + period, false
if kind == 'fixed-window' then
  local was = tonumber(held[3])
  if was > now then taken, ends, isRunning = tonumber(held[2]), was, true end
end
local isAllowed = taken + cost <= limit
${retryLua('cost <= limit', 'ends - now')}
if isAllowed and ARGV[4] == 'take' then
  taken = taken + cost
  if isRunning then
    redis.call('HSET', key, 'taken', taken)
  else
    if kind and kind ~= 'fixed-window' then redis.call('UNLINK', key) end
    redis.call('HSET', key, 'kind', 'fixed-window', 'taken', taken, 'ends', ends)
    redis.call('PEXPIREAT', key, ends)
  end
end
return { isAllowed and 1 or 0, math.max(0, limit - taken), retry, taken == 0 and 0 or ends - now, now }
`,
})

/**
 * A list of `time units`, oldest first and one for each millisecond, and at its end the sum of all units. What has left the
 * window is removed when it is met, so a request costs what it removes and not what is noted.
 */
const slidingLook: FirstLook = {
  kind: 'sliding-window',
  look: `local held = redis.pcall('LRANGE', key, -2, -1)`,
  isOwn: `held[2] and string.find(held[2], '^sliding%-window %d+$')`,
  isAbsent: `held[1] == nil and not held.err`,
}
const itemLua = `
local function itemOf(text)
  local at, units = string.match(text, '^(%d+) (%d+)$')
  return tonumber(at), tonumber(units)
end
`
/** ARGV: limit, period in milliseconds, cost, `take` or `peek`. */
export const takeSlidingScript: StepScript = lookingScript('take', slidingLook, {
  kinds: limits,
  body: `
${nowLua}
${itemLua}
local limit, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local used, last, lastUnits, freedAt = 0, nil, nil, now
if kind == 'sliding-window' then
  last, lastUnits = itemOf(held[1])
  if last <= now - period then
    redis.call('UNLINK', key)
    kind, last = nil, nil
  else
    used = tonumber(string.sub(held[2], 16))
    -- From the oldest on: what has left the window, and then as many as have to leave it for the cost.
    local gone, missing, passed, size = 0, nil, 0, 1
    while size do
      local page = redis.call('LRANGE', key, passed, passed + size - 1)
      local isLastPage = #page < size
      passed, size = passed + size, math.min(size * 8, 512)
      for i = 1, #page do
        local at, units = itemOf(page[i])
        if at and at <= now - period then
          gone, used = gone + 1, used - units
        else
          missing = missing or used + cost - limit
          if at and missing > 0 and cost <= limit then missing, freedAt = missing - units, at end
          if not at or missing <= 0 or cost > limit then
            isLastPage = true
            break
          end
        end
      end
      if isLastPage then size = nil end
    end
    if gone > 0 then
      redis.call('LTRIM', key, gone, -1)
      redis.call('LSET', key, -1, string.format('sliding-window %.0f', used))
    end
  end
end
local isAllowed = used + cost <= limit
${retryLua('cost <= limit', 'freedAt + period - now')}
local at = now
if isAllowed and ARGV[4] == 'take' then
  if kind and kind ~= 'sliding-window' then redis.call('UNLINK', key) end
  -- A clock that was set back must not put a taking before an older one: the list is in order.
  at = math.max(now, last or now)
  used = used + cost
  local sum = string.format('sliding-window %.0f', used)
  if not last then
    redis.call('RPUSH', key, string.format('%.0f %.0f', at, cost), sum)
    redis.call('PEXPIREAT', key, at + period)
  elseif last == at then
    redis.call('LSET', key, -2, string.format('%.0f %.0f', at, lastUnits + cost))
    redis.call('LSET', key, -1, sum)
  else
    redis.call('LSET', key, -1, string.format('%.0f %.0f', at, cost))
    redis.call('RPUSH', key, sum)
    redis.call('PEXPIREAT', key, at + period)
  end
  last = at
end
return { isAllowed and 1 or 0, math.max(0, limit - used), retry, last and last + period - now or 0, at }
`,
})

/** ARGV: limit, period in milliseconds, units, and the time at which they were taken. Returns nil. */
export const giveBackBucketScript: StepScript = stepScript(
  'giveBack',
  limits,
  `
if kind ~= 'bucket' then return false end
${nowLua}
local limit, period, units, at = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- What the bucket was filled with since may have been lost at its brim, so it is not given twice.
local parts = units * period - math.max(0, now - at) * limit
local debt = tonumber(redis.call('HGET', key, 'debt'))
redis.call('HSET', key, 'debt', math.max(0, debt - math.max(0, parts)))
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
redis.call('HSET', key, 'taken', math.max(0, tonumber(held[1]) - units))
return false
`,
)

/** ARGV: units, and the time at which they were taken. Returns nil. */
export const giveBackSlidingScript: StepScript = stepScript(
  'giveBack',
  limits,
  `
if kind ~= 'sliding-window' then return false end
${itemLua}
local units, at = tonumber(ARGV[1]), tonumber(ARGV[2])
-- What is given back was taken a moment ago, so it is looked for from the newest on.
local index, size, held, found = -2, 1, nil, nil
while not held do
  local page = redis.call('LRANGE', key, index - size + 1, index)
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
local sum = tonumber(string.sub(redis.call('LINDEX', key, -1), 16)) - back
if back == held then
  redis.call('LREM', key, -1, found)
else
  redis.call('LSET', key, index, string.format('%.0f %.0f', at, held - back))
end
if redis.call('LLEN', key) == 1 then
  redis.call('UNLINK', key)
else
  redis.call('LSET', key, -1, string.format('sliding-window %.0f', sum))
end
return false
`,
)
