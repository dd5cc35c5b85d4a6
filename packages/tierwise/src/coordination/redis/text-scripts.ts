import { lookingScript, stepScript, type FirstLook, type StepScript } from './step-script.ts'

const textLook: FirstLook = {
  kind: 'text',
  look: `local held = redis.pcall('GET', key)`,
  isOwn: `type(held) == 'string'`,
  isAbsent: `not held`,
}

/** Sets the locals `before`, false for nothing, and `left`, its PTTL. */
const beforeLua = `
local before, left = kind and held, -1
if before then left = redis.call('PTTL', key) end
if left == 0 then before, left = false, -1 end
`

/** ARGV: none. Returns the text and its PTTL, or nil. */
export const readScript: StepScript = lookingScript('read', textLook, {
  body: `
${beforeLua}
return before and { before, left }
`,
})

/**
 * ARGV: the text; its life in milliseconds, empty for never ending; `always`, `absent`, `present` or `is`, and the text
 * that it must be. Returns 1 or 0 for whether it was written, what was held or nil, and the PTTL of that.
 */
export const writeScript: StepScript = lookingScript('write', textLook, {
  body: `
${beforeLua}
local condition = ARGV[3]
if condition == 'absent' and before then return { 0, before, left } end
if condition == 'present' and not before then return { 0, before, left } end
if condition == 'is' and before ~= ARGV[4] then return { 0, before, left } end
if ARGV[2] == '' then redis.call('SET', key, ARGV[1]) else redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
return { 1, before, left }
`,
})

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

/** Adds at once where a text is held that has not ended, so `held` is the sum; or the text, when the server could not add to it. */
const sumLook: FirstLook = {
  kind: 'text',
  look: `
local left = redis.call('PTTL', key)
local held = false
if left == -1 or left > 0 then
  held = redis.pcall('INCRBY', key, ARGV[1])
  if type(held) == 'table' and (string.find(held.err, 'not an integer') or string.find(held.err, 'overflow')) then
    held = redis.call('GET', key)
  end
end
`,
  isOwn: `held and type(held) ~= 'table'`,
  isAbsent: `not held`,
}

/**
 * ARGV: a whole number to add, and the life in milliseconds of a number that begins, empty for never ending. Returns the
 * sum, as a text when it is large, and the PTTL.
 */
export const addScript: StepScript = lookingScript('add', sumLook, {
  body: `
local exact = 9007199254740991
local by = tonumber(ARGV[1])
-- As a text where it is so large that clients read an integer wrongly, which add to it before they subtract.
local function answer(sum) return { math.abs(sum) > exact / 2 and string.format('%.0f', sum) or sum, left } end
if type(held) == 'number' then
  if math.abs(held) <= exact and math.abs(held - by) <= exact then return answer(held) end
  redis.call('INCRBY', key, string.format('%.0f', -by))
  return redis.error_reply('TWRANGE of the sum')
end
local text = kind and held or '0'
if not string.find(text, '^%-?%d+$') then return redis.error_reply('TWNUMBER of the text') end
local before = tonumber(text)
local sum = before + by
if math.abs(before) > exact or math.abs(sum) > exact then return redis.error_reply('TWRANGE of the sum') end
if kind then
  redis.call('SET', key, sum, 'KEEPTTL')
elseif ARGV[2] == '' then
  redis.call('SET', key, sum)
  left = -1
else
  redis.call('SET', key, sum, 'PX', ARGV[2])
  left = tonumber(ARGV[2])
end
return answer(sum)
`,
})

/** ARGV: a number. Returns the number that is held now, as a text, and 1 or 0 for whether it was raised. */
export const raiseScript: StepScript = lookingScript('raise', textLook, {
  body: `
if kind and redis.call('PTTL', key) ~= 0 then
  local rest = string.match(held, '^%-?%d+%.?%d*(.*)$')
  local value = (rest == '' or string.find(rest or ' ', '^e[%+%-]?%d+$')) and tonumber(held)
  if not value or math.abs(value) == math.huge then return redis.error_reply('TWNUMBER of the text') end
  if tonumber(ARGV[1]) <= value then return { held, 0 } end
end
redis.call('SET', key, ARGV[1])
return { ARGV[1], 1 }
`,
})
