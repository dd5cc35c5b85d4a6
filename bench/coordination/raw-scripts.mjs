/**
 * What a team writes itself: the least that does the same job over ioredis, one command where Redis has one, else a script.
 * None of it knows other kinds of state under a key, members that end by themselves or a clock that goes back.
 *
 * @typedef {import('ioredis').Redis} Redis
 */

const addScript = `
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if sum == tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum`

const ifEqualScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

const deleteIfEqualScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`

const raiseScript = `
local held = tonumber(redis.call('GET', KEYS[1]) or '-inf')
if tonumber(ARGV[1]) <= held then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1`

const historyScript = `
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[3]))
return 1`

const fixedWindowScript = `
local taken = redis.call('INCR', KEYS[1])
if taken == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return taken <= tonumber(ARGV[1]) and 1 or 0`

const slidingWindowScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`

const tokenBucketScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local capacity, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(held[1]) or capacity
tokens = math.min(capacity, tokens + (now - (tonumber(held[2]) or now)) * capacity / period)
local allowed = tokens >= 1
if allowed then tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('PEXPIRE', KEYS[1], period)
return allowed and 1 or 0`

/** @typedef {Redis & Record<string, (...args: (string | number)[]) => Promise<unknown>>} ScriptedRedis */

/** @param {Redis} client */
export function rawScripts(client) {
  const scripts = {
    rawAdd: addScript,
    rawIfEqual: ifEqualScript,
    rawDeleteIfEqual: deleteIfEqualScript,
    rawRaise: raiseScript,
    rawHistory: historyScript,
    rawFixedWindow: fixedWindowScript,
    rawSlidingWindow: slidingWindowScript,
    rawTokenBucket: tokenBucketScript,
  }
  for (const [name, lua] of Object.entries(scripts)) client.defineCommand(name, { numberOfKeys: 1, lua })
  return /** @type {ScriptedRedis} */ (client)
}
