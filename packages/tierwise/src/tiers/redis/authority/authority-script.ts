import { Script } from '../../../clients/redis/script.ts'
import { arrivedLua, emitLua } from '../lane.ts'
import { readHeadLua } from '../scripts.ts'
import { guardsLua, laneMemoryLua } from './lane-memory.ts'

/**
 * Whether the memory is full: SETRANGE of nothing changes nothing, and is refused when a write would be. After a first
 * write, which PERSIST is although it changes nothing, Redis lets a script write with full memory. Errors of another kind
 * (READONLY, MISCONF) come here, before the first write, and are the answer to the whole command.
 */
const probeMemory = `
local full = false
local probed = redis.pcall('SETRANGE', KEYS[3], 0, '')
if type(probed) == 'table' and string.find(probed.err, 'OOM', 1, true) then
  full = true
  redis.call('PERSIST', KEYS[1])
elseif type(probed) == 'table' and not string.find(probed.err, 'WRONGTYPE', 1, true) then
  return probed
end
`

/** The string with the record. */
const recordLua = `
local function headWith(kind, version) return 'TR\\1' .. kind .. struct.pack('>dd', version, math.huge) end
local function put(name, life, bytes)
  if life == '0' then redis.call('SET', name, bytes) else redis.call('SET', name, bytes, 'PX', life) end
end
local function isFrame(head)
  return #head == 40 and string.byte(head, 3) == 1 and string.sub(head, 21, 22) == 'TW'
end
local function isFresh(head)
  if not isFrame(head) or string.byte(head, 23) ~= 1 or string.byte(head, 24) % 2 == 1 then return false end
  local high, low = struct.unpack('>I4I4', head, 33)
  return high * 4294967296 + low > now
end
`

/** The hash beside it. Its life is never shortened. */
const transientLua = `
local function transientOf(beside)
  local found = redis.call('HMGET', beside, 'lease', 'leaseUntil', 'wait', 'gen', 'ver', ownOrder)
  -- protocol P6 lease-life: a lane that has lost its memory may have lost a hold or a fence since the lease was granted
  if found[4] ~= gen then found[1], found[2] = false, false end
  return {
    lease = found[1], leaseUntil = tonumber(found[2]) or 0, wait = found[3],
    version = tonumber(found[5]) or -1, order = tonumber(found[6]) or -math.huge
  }
end
local function keep(beside, lifeMs, ...)
  redis.call('HSET', beside, ...)
  -- protocol P6 beside-life: what must be remembered longest decides
  if redis.call('PTTL', beside) < lifeMs then redis.call('PEXPIRE', beside, whole(lifeMs)) end
end
local function endLease(beside, transient, key)
  redis.call('HDEL', beside, 'lease', 'leaseUntil', 'wait', 'gen')
  if transient.wait then woken[#woken + 1] = key end
end
local function changedAt(kind, version, transient)
  -- protocol P1 changed-at: the latest change may be noted in either place
  if kind == 0 or kind == 1 then return math.max(version, transient.version) end
  return transient.version
end
local function remember(beside, change)
  local leftMs = math.min(lateMs - (now - change) / 1000, lateMs)
  if leftMs > 0 then keep(beside, leftMs, 'ver', whole(change)) end
end
local function nextVersion(version, transient)
  -- protocol P2 version-rises: the clock of the server may step back, or be that of another server
  -- protocol P2 version-unique: nothing may be known of the key any more
  return note(math.max(math.floor(math.max(version or -1, transient.version, newest)) + 1, now))
end
`

const leaseLua = `
local function own(lease) return ARGV[3] .. '.' .. lease end
local function isOwn(lease) return lease and string.sub(lease, 1, #ARGV[3] + 1) == own('') end
function operations.acquire(name, beside, key)
  local lease, leaseMs, newerThan, takes, coldMs = own(take()), tonumber(take()), tonumber(take()), take(), tonumber(take())
  local kind, version, _, head = headOf(name)
  if isRecord(kind) and version > newerThan and isFresh(head) then return 'fresh' end
  local transient, guards = transientOf(beside), guardsOf(key)
  -- protocol P4 fence-told: the reader has read of a change, and a copy of the source that lags has not
  local fence = guards.fence and string.format('%.17g', guards.fence) or ''
  local leftMs = math.ceil((heldUntil(guards, coldMs) - now) / 1000)
  -- protocol P1 hold-refuses: the source is about to change
  if leftMs > 0 then return { 'held', leftMs, fence } end
  local isTaken = takes == 'any' or takes == 'own' and isOwn(transient.lease)
  if transient.leaseUntil > now and not isTaken then
    if not transient.wait then redis.call('HSET', beside, 'wait', '1') end
    return { 'busy', math.ceil((transient.leaseUntil - now) / 1000) }
  end
  if not full then
    keep(beside, leaseMs + lateMs, 'lease', lease, 'leaseUntil', whole(now + leaseMs * 1000), 'gen', gen)
  end
  return { 'granted', fence }
end
function operations.fill(name, beside, key)
  local lease, sourceVersion, copyOf, life, bytes = own(take()), tonumber(take()), tonumber(take()), take(), take()
  local transient = transientOf(beside)
  -- protocol P1 lease-needed: a lease that is gone was taken by a change, or nothing is known any more
  if transient.lease ~= lease then return 'lease' end
  -- protocol P1 lease-once: a fill that is sent twice may come after a change
  endLease(beside, transient, key)
  local fence = guardsOf(key).fence
  -- protocol P1 fence-refuses: the load has read a copy of the source that lags
  if fence and (sourceVersion or -math.huge) < fence then return 'fence' end
  local kind, version = headOf(name)
  local change = changedAt(kind, version, transient)
  -- protocol P1 copy-refused: the tier below has not heard of the change yet
  if copyOf and change > copyOf then return 'copy' end
  if full or kind == false or life == '-1' then return 'record' end
  -- protocol P1 change-remembered: a fill puts a newer record over the mark that refuses older copies
  remember(beside, change)
  local given = nextVersion(version, transient)
  put(name, life, headWith('\\2', given) .. bytes)
  return given
end
function operations.release(name, beside, key)
  local lease = own(take())
  local transient = transientOf(beside)
  if transient.lease == lease then endLease(beside, transient, key) end
  return 0
end
`

const changeLua = `
local function announced(operation, key, version)
  changes[#changes + 1] = { operation, key, version }
end
local function remove(name, beside, kind, version)
  -- protocol P1 tombstone: without a mark an older copy would be taken
  if kind == false then keep(beside, lateMs, 'ver', whole(version))
  else put(name, ARGV[6], headWith('\\1', version)) end
end
local function refusalOf(guards, sourceVersion, coldMs)
  -- protocol P1 set-behind: the source has changed since, and the change may have come first
  if sourceVersion and guards.fence and sourceVersion < guards.fence then return 'fence' end
  -- protocol P1 set-held: the one who holds the key may not live to remove this
  if heldUntil(guards, coldMs) > now then return 'held' end
end
local function change(operation, name, beside, key)
  local order, isDoubtful, holdMs, fence = take(), take() == '1', tonumber(take()), tonumber(take())
  local ifVersion, sourceVersion, coldMs, life, bytes
  if operation == 'set' then
    ifVersion, sourceVersion, coldMs, life, bytes = tonumber(take()), tonumber(take()), tonumber(take()), take(), take()
  end
  local transient = transientOf(beside)
  -- protocol P1 late-refused: a change that its process gave up may have been followed by another
  if tonumber(order) < transient.order then return 'late' end
  -- protocol P1 order-kept: the change that was given up may still come
  if isDoubtful then keep(beside, lateMs, ownOrder, order) end
  local kind, version, _, head = headOf(name)
  local wasHeld = isRecord(kind)
  -- protocol P2 version-expected: the writer has read another version
  if ifVersion and (wasHeld and version or 0) ~= ifVersion then return 'conflict' end
  -- protocol P1 change-takes-lease: what is being loaded may have been read before the change
  if transient.lease then endLease(beside, transient, key) end
  local guards = guardsOf(key)
  if holdMs then hold(guards, key, holdMs) end
  if fence then raise(guards, key, fence) end
  local refused = operation == 'set' and refusalOf(guards, sourceVersion, coldMs)
  local given = nextVersion(version, transient)
  if operation == 'expire' and wasHeld and isFrame(head) then
    redis.call('SETRANGE', name, 3, '\\0' .. struct.pack('>d', given))
    redis.call('SETRANGE', name, 23, '\\1')
    -- protocol P3 expiry-told: memory of others holds it as fresh
    announced('X', key, given)
  elseif operation == 'set' and not refused and life ~= '-1' and not full and kind ~= false then
    -- protocol P4 rewrite-no-change: whoever has lost a change must not take what was there before it for newer
    local recordKind = ifVersion and '\\2' or '\\0'
    if ifVersion then remember(beside, changedAt(kind, version, transient)) end
    put(name, life, headWith(recordKind, given) .. bytes)
    -- protocol P3 set-told: memory of others holds the value before
    announced('S', key, given)
  else
    remove(name, beside, kind, given)
    -- protocol P3 removal-told: memory of others holds what is removed
    announced('D', key, given)
    if refused or operation == 'set' and life ~= '-1' then return { given, refused or 'record' } end
  end
  return { given, wasHeld and 1 or 0 }
end
function operations.set(...) return change('set', ...) end
function operations.delete(...) return change('delete', ...) end
function operations.expire(...) return change('expire', ...) end
function operations.affirm(name, beside, key)
  local made = tonumber(take())
  local transient = transientOf(beside)
  local kind, version = headOf(name)
  -- protocol P6 look-back-acts: a copy may have come in while the mark was evicted
  if changedAt(kind, version, transient) >= made then return 0 end
  -- protocol P6 look-back-takes-lease: a copy may be on its way up
  if transient.lease then endLease(beside, transient, key) end
  local given = note(math.max(nextVersion(version, transient), made))
  remove(name, beside, kind, given)
  -- protocol P6 look-back-told: memory of others may hold the copy
  announced('D', key, given)
  return 1
end
`

/**
 * KEYS: head and log of the lane, then two for each operation: the record and the hash beside it (`record.ts`). ARGV: channel
 * of the lane, PUBLISH or SPUBLISH, the instance, a random id, how many bytes stand in front of the storage key in the name
 * of a record, how long what may come late is remembered, in milliseconds; then for each operation its name and
 *
 * - `acquire`: a new lease, its milliseconds, the version that a fresh record has to exceed, whose lease to take (`any`,
 *   `own` or nothing), for how many milliseconds a young lane holds the key. Returns `fresh`, `busy` with the milliseconds left, `granted` with the
 *   fence or nothing, or `held` with both.
 * - `fill`: the lease, the version of the source and that of the copied record or nothing, life (0 for never ending, -1 for
 *   over), frame. Returns the version, or `lease`, `fence`, `copy`, `record`.
 * - `release`: the lease. Returns 0.
 * - `delete`, `expire`, `set`: order, 1 to remember it, milliseconds of the hold, fence; and for `set` the version to be
 *   held and that of the source, both or nothing, milliseconds as for `acquire`, life, frame. Returns the version and 0 or 1
 *   for what was held, or why a set became a deletion: `record`, `fence`, `held`; or `conflict` or `late` alone.
 * - `affirm`: the version of a change. Returns 0 when it is known, otherwise 1.
 *
 * Returns the number of the message that announced the changes, 0 without any, then one reply an operation; `error` and a
 * text for one that failed: what the others have changed is announced all the same.
 *
 * The operations run in order and none is interrupted by another client. Each takes its arguments before it does anything
 * that can fail, so that the next one finds its own. With full memory, records are refused and leases are granted without
 * being kept: nothing could be filled, and nobody shall wait. Changes go on: what is refused is removed.
 */
export const authorityScript: Script = new Script(`
${emitLua}
${arrivedLua}
${readHeadLua}
${probeMemory}
local at = 6
local function take()
  at = at + 1
  return ARGV[at]
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lateMs = tonumber(ARGV[6])
local ownOrder = 'order:' .. ARGV[3]
local changes, woken, operations = {}, {}, {}
${laneMemoryLua}
${guardsLua}
${recordLua}
${transientLua}
${leaseLua}
${changeLua}
local replies = { 0 }
for i = 3, #KEYS, 2 do
  local key = string.sub(KEYS[i], tonumber(ARGV[5]) + 1)
  local isDone, reply = pcall(operations[take()], KEYS[i], KEYS[i + 1], key)
  replies[#replies + 1] = isDone and reply or { 'error', type(reply) == 'table' and reply.err or tostring(reply) }
end
-- protocol P2 highest-kept: the next call goes on from there
if newest > highest then redis.call('HSET', KEYS[1], 'hi', whole(newest)) end
sweepGuards()
if #changes > 0 then replies[1] = emit({ KEYS[1], KEYS[2], ARGV[1] }, ARGV[2], ARGV[3], ARGV[4], changes) end
for _, key in ipairs(woken) do arrived(ARGV[1], ARGV[2], key) end
return replies
`)
