import { randomBytes } from 'node:crypto'
import type { RedisPort } from '../../../../src/clients/redis/port.ts'
import type { KeyLayout } from '../../../../src/tiers/redis/key-layout.ts'
import { emitLua, laneNames } from '../../../../src/tiers/redis/lane.ts'
import { Script } from '../../../../src/clients/redis/script.ts'

const emitScript = new Script(`
${emitLua}
return emit({ KEYS[1], KEYS[2], ARGV[1] }, ARGV[2], ARGV[3], ARGV[4], cjson.decode(ARGV[5]))
`)

type Change = readonly ['S' | 'D' | 'X', string, number] | readonly ['T', readonly string[], number]

export interface EmitOptions {
  readonly lane?: number
  readonly source?: string
  /** Logged and counted, but nobody hears of it. */
  readonly isSilent?: boolean
  readonly changes?: readonly Change[]
}

/** Makes changes as the scripts of the tier do. */
export class Emitter {
  readonly #port: RedisPort
  readonly #layout: KeyLayout
  readonly #publish: 'PUBLISH' | 'SPUBLISH'
  #version = 0

  constructor(port: RedisPort, layout: KeyLayout, publish: 'PUBLISH' | 'SPUBLISH' = 'PUBLISH') {
    this.#port = port
    this.#layout = layout
    this.#publish = publish
  }

  /** Resolves to the number of the change. */
  async emit(key: string, options: EmitOptions = {}): Promise<number> {
    const { lane = this.#layout.laneOf(key), source = 'somebody', isSilent = false } = options
    const { head, log, channel } = laneNames('tw', this.#layout, lane)
    const changes = options.changes ?? [['S', key, ++this.#version]]
    const id = randomBytes(9).toString('base64url')
    const to = isSilent ? `${channel}:nobody` : channel
    const args = [to, this.#publish, source, id, JSON.stringify(changes)]
    return Number(await emitScript.run(this.#port, [head, log], args))
  }
}
