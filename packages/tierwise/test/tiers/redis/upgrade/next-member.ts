import type { Redis } from 'ioredis'
import { Packr } from 'msgpackr'

export interface NextMessage {
  readonly format: number
  readonly changes: readonly (readonly unknown[])[]
  /** Parts after those that are known. */
  readonly more?: readonly unknown[]
}

const packr = new Packr({ useRecords: false, int64AsType: 'number' })

/** ARGV: format, random id, changes and further parts, packed. As `emitLua`, of a release to come. */
const announceLua = `
local before = redis.call('HGET', KEYS[1], 'id') or ''
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
redis.call('HSET', KEYS[1], 'id', ARGV[2])
local parts = { tonumber(ARGV[1]), seq, before, ARGV[2], 'next', cmsgpack.unpack(ARGV[3]) }
for _, part in ipairs(cmsgpack.unpack(ARGV[4])) do parts[#parts + 1] = part end
local message = cmsgpack.pack(parts)
redis.call('XADD', KEYS[2], string.format('%.0f-1', seq), 'm', message)
redis.call('PUBLISH', KEYS[3], message)
return seq
`

/** A member of a later release, which writes what this one has never heard of. */
export class NextMember {
  readonly #client: Redis
  readonly #lane: string
  #ids = 0

  constructor(client: Redis, prefix: string) {
    this.#client = client
    this.#lane = `{${prefix}:0}`
  }

  /** A record whose magic and version are where they always are. */
  record(version: number, { recordFormat = 1, frameFormat = 1, kind = 0 }): Buffer {
    const bytes = Buffer.alloc(160)
    bytes.write('TR', 0, 'latin1')
    bytes[2] = recordFormat
    bytes[3] = kind
    bytes.writeDoubleBE(version, 4)
    bytes.writeDoubleBE(Infinity, 12)
    bytes.write('TW', 20, 'latin1')
    bytes[22] = frameFormat
    // Fresh for ever, if the frame could be read.
    bytes.fill(0xff, 32, 48)
    return bytes
  }

  async set(name: string, bytes: Buffer, change: readonly unknown[]): Promise<void> {
    await this.#client.set(name, bytes)
    await this.announce({ format: 1, changes: [change] })
  }

  async announce({ format, changes, more = [] }: NextMessage): Promise<void> {
    const lane = this.#lane
    const id = `next-${++this.#ids}`
    const packed = [packr.pack(changes), packr.pack(more)]
    await this.#client.eval(announceLua, 3, `${lane}:lane`, `${lane}:log`, `${lane}:bus`, format, id, ...packed)
  }

  async publish(message: readonly unknown[]): Promise<void> {
    await this.publishBytes(packr.pack(message))
  }

  async publishBytes(bytes: Buffer): Promise<void> {
    await this.#client.publish(`${this.#lane}:bus`, bytes)
  }
}
