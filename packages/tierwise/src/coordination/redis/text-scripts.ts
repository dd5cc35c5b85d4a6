import { stepScript, type StepScript } from './step-script.ts'

/** ARGV: none. Returns the text and its PTTL, or nil. */
export const readScript: StepScript = stepScript(
  'read',
  ['text'],
  `
if not kind then return false end
return { redis.call('GET', key), redis.call('PTTL', key) }
`,
)

/**
 * ARGV: the text; its life in milliseconds, empty for never ending; `always`, `absent`, `present` or `is`, and the text
 * that it must be. Returns 1 or 0 for whether it was written, what was held or nil, and the PTTL of that.
 */
export const writeScript: StepScript = stepScript(
  'write',
  ['text'],
  `
local before = kind and redis.call('GET', key) or false
local left = kind and redis.call('PTTL', key) or -1
local condition = ARGV[3]
if condition == 'absent' and before then return { 0, before, left } end
if condition == 'present' and not before then return { 0, before, left } end
if condition == 'is' and before ~= ARGV[4] then return { 0, before, left } end
if ARGV[2] == '' then redis.call('SET', key, ARGV[1]) else redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
return { 1, before, left }
`,
)

/** ARGV: `always` or `is`, and the text that it must be. Returns 1 or 0 for whether it was removed, and the text or nil. */
export const removeScript: StepScript = stepScript(
  'remove',
  'any',
  `
local before = kind == 'text' and redis.call('GET', key)
if not kind or (ARGV[1] == 'is' and before ~= ARGV[2]) then return { 0, before } end
redis.call('UNLINK', key)
return { 1, before }
`,
)

/**
 * ARGV: a whole number to add, and the life in milliseconds of a number that begins, empty for never ending. Returns the
 * sum as a text, and the PTTL.
 */
export const addScript: StepScript = stepScript(
  'add',
  ['text'],
  `
local exact = 9007199254740991
local held = kind and redis.call('GET', key) or '0'
if not string.find(held, '^%-?%d+$') then return redis.error_reply('TWNUMBER') end
local before = tonumber(held)
local sum = before + tonumber(ARGV[1])
if math.abs(before) > exact or math.abs(sum) > exact then return redis.error_reply('TWRANGE') end
if kind then
  redis.call('SET', key, string.format('%.0f', sum), 'KEEPTTL')
elseif ARGV[2] == '' then
  redis.call('SET', key, string.format('%.0f', sum))
else
  redis.call('SET', key, string.format('%.0f', sum), 'PX', ARGV[2])
end
return { string.format('%.0f', sum), redis.call('PTTL', key) }
`,
)

/** ARGV: a number. Returns the number that is held now, as a text, and 1 or 0 for whether it was raised. */
export const raiseScript: StepScript = stepScript(
  'raise',
  ['text'],
  `
local held = kind and redis.call('GET', key)
if held then
  local rest = string.match(held, '^%-?%d+%.?%d*(.*)$')
  local value = (rest == '' or string.find(rest or ' ', '^e[%+%-]?%d+$')) and tonumber(held)
  if not value or math.abs(value) == math.huge then return redis.error_reply('TWNUMBER') end
  if tonumber(ARGV[1]) <= value then return { held, 0 } end
end
redis.call('SET', key, ARGV[1])
return { ARGV[1], 1 }
`,
)
