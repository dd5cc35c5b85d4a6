import { execFileSync } from 'node:child_process'

import { redisClientProgram } from '../../../src/testing/servers/redis-binary.ts'
import type { RedisServer } from '../../../src/testing/servers/redis-server.ts'
import type { LoggedChange, SharedHead, SharedMember } from '../../../src/testing/shared-store.ts'
import { readMessage } from '../../../src/tiers/redis/bus/message.ts'
import { busLanes, laneNames } from '../../../src/tiers/redis/lane.ts'
import type { KeyLayout } from '../../../src/tiers/redis/key-layout.ts'

const prefix = 'tw'

/** KEYS: a record, what lies beside it, and the head of its lane. ARGV: the storage key. */
const headScript = `
local function text(number) return number and string.format('%.0f', number) end
local head = redis.call('GETRANGE', KEYS[1], 0, 39)
local beside = redis.call('HMGET', KEYS[2], 'lease', 'leaseUntil', 'wait')
local guards = redis.call('HMGET', KEYS[3], 'h:' .. ARGV[1], 'f:' .. ARGV[1])
local known = { record = 'absent', lease = beside[1], leaseUntil = beside[2], isAwaited = beside[3] and true }
if #head >= 20 then
  known.version = text(struct.unpack('>d', string.sub(head, 5, 12)))
  local isStale = #head > 23 and string.byte(head, 24) % 2 == 1
  known.record = string.byte(head, 4) == 1 and 'deleted' or isStale and 'stale' or 'held'
end
known.holds, known.fence = guards[1], guards[2]
return cjson.encode(known)
`

const hexLua = `
local function hex(bytes)
  return (string.gsub(bytes, '.', function(char) return string.format('%02x', string.byte(char)) end))
end
`

/** KEYS: a log. */
const logScript = `
${hexLua}
local messages = {}
for at, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do messages[at] = hex(entry[2][2]) end
return table.concat(messages, ' ')
`

/** KEYS: the hash of the members. */
const membersScript = `
local lines = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] ~= '#since' then lines[#lines + 1] = all[i] .. ' ' .. all[i + 1] end
end
return table.concat(lines, '\\n')
`

const saveScript = `
${hexLua}
local lines = {}
for at, key in ipairs(redis.call('KEYS', '*')) do
  lines[at] = hex(key) .. ' ' .. math.max(redis.call('PTTL', key), 0) .. ' ' .. hex(redis.call('DUMP', key))
end
return table.concat(lines, '\\n')
`

const loadScript = `
local function bytes(hex)
  return (string.gsub(hex, '..', function(pair) return string.char(tonumber(pair, 16)) end))
end
redis.call('FLUSHDB')
for key, life, dump in string.gmatch(ARGV[1], '(%S+) (%d+) (%S+)') do
  redis.call('RESTORE', bytes(key), life, bytes(dump))
end
return 'OK'
`

interface FoundHead {
  readonly record: SharedHead['record']
  readonly version?: string
  readonly lease: string | false
  readonly leaseUntil: string | false
  readonly isAwaited: boolean
  readonly holds: string | false
  readonly fence: string | false
}

/**
 * What a real server holds, looked at and changed by commands of the command line client. Each is over when it returns:
 * nothing of the test runs meanwhile.
 */
export class ServerState {
  readonly #server: RedisServer
  readonly #layout: KeyLayout

  constructor(server: RedisServer, layout: KeyLayout) {
    this.#server = server
    this.#layout = layout
  }

  head(key: string): SharedHead {
    const printed = this.#script(headScript, [...this.#namesOf(key), this.#lane(this.#layout.laneOf(key)).head], [key])
    const { record, version, lease, leaseUntil, isAwaited, holds, fence } = JSON.parse(printed) as FoundHead
    const ends = [...(holds === false ? '' : holds).matchAll(/\S+ (\d+)/g)].map(([, till]) => Number(till) / 1000)
    return {
      record,
      version: version === undefined ? undefined : Number(version),
      lease: lease === false ? undefined : lease,
      leaseUntil: leaseUntil === false ? 0 : Number(leaseUntil) / 1000,
      holdUntil: Math.max(0, ...ends),
      fence: fence === false ? undefined : Number.parseFloat(fence),
      isAwaited,
    }
  }

  log(lane: number): readonly LoggedChange[] {
    const hexes = this.#script(logScript, [this.#lane(lane).log], []).split(' ')
    return hexes.flatMap((hex) => {
      const message = readMessage(Buffer.from(hex, 'hex'))
      return message?.kind === 'changes' ? [message] : []
    })
  }

  members(): readonly SharedMember[] {
    const lines = this.#script(membersScript, [`{${prefix}:tags}:members`], []).split('\n')
    return lines.flatMap((line) => {
      const [id = '', , , ...progress] = line.split(' ')
      return id === '' ? [] : [{ id, progress: progress.map(Number) }]
    })
  }

  evict(key: string, part: 'record' | 'lease' | 'all'): void {
    const [record, beside] = this.#namesOf(key)
    this.#command('DEL', ...(part === 'lease' ? [] : [record]), ...(part === 'record' ? [] : [beside]))
  }

  forgetLane(lane: number): void {
    const { head, log } = this.#lane(lane)
    this.#command('DEL', head, log)
  }

  expireLease(key: string): void {
    this.#command('HSET', this.#namesOf(key)[1], 'leaseUntil', '0')
  }

  remove(keys: readonly string[]): void {
    this.#command('DEL', ...keys.map((key) => this.#namesOf(key)[0]))
  }

  flush(): void {
    this.#command('FLUSHDB')
  }

  /** A text to `load` again. */
  save(): string {
    return this.#script(saveScript, [], [])
  }

  load(saved: string): void {
    this.#script(loadScript, [], [saved])
  }

  get tagLane(): number {
    return busLanes(this.#layout).tagLane
  }

  #lane(lane: number): ReturnType<typeof laneNames> {
    return laneNames(prefix, this.#layout, lane)
  }

  #namesOf(key: string): [record: string, beside: string] {
    const lane = this.#layout.laneOf(key)
    return [this.#layout.nameOf(key, lane), this.#layout.transientNameOf(key, lane)]
  }

  #script(source: string, keys: readonly string[], args: readonly string[]): string {
    return this.#command('EVAL', source, String(keys.length), ...keys, ...args)
  }

  #command(...args: readonly string[]): string {
    const target = ['-e', '-h', this.#server.host, '-p', String(this.#server.port)]
    return execFileSync(redisClientProgram(), [...target, ...args], { encoding: 'utf8' }).replace(/\n$/, '')
  }
}
