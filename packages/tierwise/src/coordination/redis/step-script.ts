import { Script } from '../../clients/redis/script.ts'

/** What a key may hold, as a script finds it. */
export type HeldKind =
  | 'text'
  | 'set'
  | 'ranked'
  | 'fields'
  | 'tenure'
  | 'bucket'
  | 'fixed-window'
  | 'sliding-window'
  | 'foreign'

/**
 * What every step begins with. `KEYS[1]` is the only key of a step, and of its state, so that any node of a cluster can
 * hold it and removing it removes all.
 *
 * A text is a string. Members of sets begin with `s`, those of sorted lists with `r`. Hashes say in `kind` what they are,
 * a sliding window in its last item. Whatever looks otherwise belongs to somebody else and is left alone.
 *
 * Expiry is the server's own, set to the instant at which the state says nothing more. A key that ends in this very
 * millisecond is still there for the server, and not for us.
 */
const prologue = `
local key = KEYS[1]
local function whole(number) return string.format('%.0f', number) end
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local kinds = { fields = true, tenure = true, bucket = true, ['fixed-window'] = true }
local function kindOfKey()
  local shape = redis.call('TYPE', key).ok
  if shape == 'none' then return nil end
  if redis.call('PTTL', key) == 0 then
    redis.call('UNLINK', key)
    return nil
  end
  if shape == 'string' then return 'text' end
  if shape == 'hash' then
    local kind = redis.call('HGET', key, 'kind')
    if kind and kinds[kind] then return kind end
  elseif shape == 'zset' then
    local first = string.sub(redis.call('ZRANGE', key, 0, 0)[1], 1, 1)
    if first == 's' then return 'set' end
    if first == 'r' then return 'ranked' end
  elseif shape == 'list' then
    if string.find(redis.call('LINDEX', key, -1), '^sliding%-window %d+$') then return 'sliding-window' end
  end
  return 'foreign'
end
local kind = kindOfKey()
`

/** A script that is one step. */
export interface StepScript {
  /** Name of the method of the store. */
  readonly operation: string
  readonly script: Script
}

/**
 * A step of keys that hold one of some kinds, or nothing. In the body `kind` is what the key holds, nil for nothing.
 * Another kind is answered with the error `TWKIND` and its name; the body answers `TWNUMBER` when a text is no number, and
 * `TWRANGE` when a sum is not exact.
 */
export function stepScript(operation: string, kinds: readonly HeldKind[] | 'any', body: string): StepScript {
  const others = kinds === 'any' ? [] : kinds.map((each) => `kind ~= '${each}'`)
  const check = ['kind', ...others].join(' and ')
  const refusal = kinds === 'any' ? '' : `if ${check} then return redis.error_reply('TWKIND ' .. kind) end`
  return { operation, script: new Script(`${prologue}${refusal}\n${body}`) }
}
