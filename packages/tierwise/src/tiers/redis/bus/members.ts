import type { RedisPort } from '../../../clients/redis/port.ts'
import { Script } from '../../../clients/redis/script.ts'
import { listOf, numberOf, textOf } from '../replies.ts'

/** An instance, as it last wrote of itself. */
export interface Member {
  readonly id: string
  /** How long ago that was, by the clock of the server. */
  readonly ageMs: number
  /** After so long without a word it may not serve from memory any more. */
  readonly lapseMs: number
  /** Number of the last change applied, a lane each; -1 for none. */
  readonly sequences: readonly number[]
}

export interface Members {
  readonly members: readonly Member[]
  /** For how long the server has kept them. Who wrote before may be missing: the server can lose its memory. */
  readonly keptMs: number
}

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
`

/**
 * KEYS: the hash of the members. ARGV: the instance; its text, which begins with how long it counts; `sweep` to remove
 * those that have been silent for twice as long. The field `#since` has the time at which the hash was made.
 *
 * After a first write, which PERSIST is although it changes nothing, Redis lets a script write with full memory.
 */
const writeMember = new Script(`
${now}
redis.call('PERSIST', KEYS[1])
-- protocol P5 members-since: a server that lost its memory knows only some of the members
redis.call('HSETNX', KEYS[1], '#since', text(now))
redis.call('HSET', KEYS[1], ARGV[1], text(now) .. ' ' .. ARGV[2])
if ARGV[3] == 'sweep' then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local at, lapse = string.match(all[i + 1], '^(%d+) (%d+)')
    if all[i] ~= '#since' and not (at and at + 2 * lapse > now) then redis.call('HDEL', KEYS[1], all[i]) end
  end
end
return 1
`)

/** KEYS: the hash of the members. ARGV: none. Returns the time of the server and the fields with their texts. */
const readMembers = new Script(`
${now}
return { text(now), redis.call('HGETALL', KEYS[1]) }
`)

/** How often the silent ones are looked for. */
const sweepEvery = 16

/** Name of the hash; it lies with the tags. */
function membersName(prefix: string): string {
  return `{${prefix}:tags}:members`
}

/** What an instance says of itself, so that others know whether it has applied a change or has lapsed. */
export class OwnMember {
  readonly #port: RedisPort
  readonly #name: string
  readonly #id: string
  readonly #lapseMs: number
  #writes = 0

  constructor(port: RedisPort, options: { readonly prefix: string; readonly id: string; readonly lapseMs: number }) {
    this.#port = port
    this.#name = membersName(options.prefix)
    this.#id = options.id
    this.#lapseMs = Math.ceil(options.lapseMs)
  }

  async write(sequences: readonly number[]): Promise<void> {
    const sweep = this.#writes++ % sweepEvery === 0 ? 'sweep' : ''
    await writeMember.run(this.#port, [this.#name], [this.#id, [this.#lapseMs, ...sequences].join(' '), sweep])
  }

  async remove(): Promise<void> {
    await this.#port.send({ args: ['HDEL', this.#name, this.#id], key: this.#name })
  }
}

export async function loadMembers(port: RedisPort, prefix: string): Promise<Members> {
  const [time, fields] = listOf(await readMembers.run(port, [membersName(prefix)], []))
  const texts = listOf(fields).map(textOf)
  const now = numberOf(time)
  const members: Member[] = []
  let since = now
  for (let i = 0; i + 1 < texts.length; i += 2) {
    const [id = '', text = ''] = texts.slice(i, i + 2)
    const [at = NaN, lapseMs = NaN, ...sequences] = text.split(' ').map(Number)
    if (id === '#since') since = at
    else members.push({ id, ageMs: now - at, lapseMs, sequences })
  }
  return { members, keptMs: now - since }
}
