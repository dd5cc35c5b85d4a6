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
 * `KEYS[1]` is the only key of a step, and of its state, so that any node of a cluster can hold it and removing it removes
 * all.
 *
 * A text is a string. Members of sets begin with `s`, those of sorted lists with `r`. Hashes say in `kind` what they are,
 * a sliding window in its last item. Whatever looks otherwise belongs to somebody else and is left alone.
 *
 * Expiry is the server's own, set to the instant at which the state says nothing more. A key that ends in this very
 * millisecond is still there for the server, and not for us.
 */
const kindLua = `
local function kindOfKey()
  local shape = redis.call('TYPE', key).ok
  if shape == 'none' then return nil end
  if redis.call('PTTL', key) == 0 then
    redis.call('UNLINK', key)
    return nil
  end
  if shape == 'string' then return 'text' end
  if shape == 'hash' then
    local kinds = { fields = true, tenure = true, bucket = true, ['fixed-window'] = true }
    local named = redis.call('HGET', key, 'kind')
    if named and kinds[named] then return named end
  elseif shape == 'zset' then
    local first = string.sub(redis.call('ZRANGE', key, 0, 0)[1], 1, 1)
    if first == 's' then return 'set' end
    if first == 'r' then return 'ranked' end
  elseif shape == 'list' then
    if string.find(redis.call('LINDEX', key, -1), '^sliding%-window %d+$') then return 'sliding-window' end
  end
  return 'foreign'
end
kind = kindOfKey()
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
 * `TWRANGE` when a sum is not exact. More words follow: Redis puts `ERR` before an error of one word.
 */
export function stepScript(operation: string, kinds: readonly HeldKind[] | 'any', body: string): StepScript {
  return scriptOf(operation, [`local kind`, kindLua, refusalOf(kinds), body])
}

/** How a step sees at the first look that a key holds what it is for, which spares it from asking for more than that. */
export interface FirstLook {
  readonly kind: HeldKind
  /** Lua that sets the local `held` by a `redis.pcall` of what the step needs anyway. */
  readonly look: string
  /** When `held` can only be of that kind. It may have ended in this very millisecond, which the body has to see. */
  readonly isOwn: string
  /** When there is no such key. */
  readonly isAbsent: string
}

/** As `stepScript`, with `held` in the body, empty or false when the key is absent or holds another of the kinds. */
export function lookingScript(
  operation: string,
  { kind, look, isOwn, isAbsent }: FirstLook,
  { kinds = [kind], body }: { readonly kinds?: readonly HeldKind[]; readonly body: string },
): StepScript {
  const first = `
local kind
${look}
if ${isOwn} then
  kind = '${kind}'
elseif not (${isAbsent}) then
  -- Of a wrong type, or an error that says nothing about the key: a command that this user may not run.
  if held.err and string.sub(held.err, 1, 9) ~= 'WRONGTYPE' then return held end
  ${kindLua}
  ${refusalOf(kinds)}
  held = {}
end
`
  return scriptOf(operation, [first, body])
}

function refusalOf(kinds: readonly HeldKind[] | 'any'): string {
  if (kinds === 'any') return ''
  const check = ['kind', ...kinds.map((each) => `kind ~= '${each}'`)].join(' and ')
  return `if ${check} then return redis.error_reply('TWKIND ' .. kind) end`
}

function scriptOf(operation: string, parts: readonly string[]): StepScript {
  return { operation, script: new Script(['local key = KEYS[1]', ...parts].join('\n')) }
}

/** Sets the local `now`, in whole milliseconds. */
export const nowLua = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`
