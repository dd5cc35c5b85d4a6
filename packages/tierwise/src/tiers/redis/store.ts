import type { Buffer } from 'node:buffer'
import type { RedisArgument, RedisPort, RedisReply } from '../../clients/redis/port.ts'
import type { Script } from '../../clients/redis/script.ts'
import type { Clock } from '../../contract/runtime.ts'
import type { KeyLayout } from './key-layout.ts'
import { listOf, numberOf, textOf } from './replies.ts'
import { clearScript, countScript, writeScript } from './scripts.ts'
import { TornLanes } from './torn-lanes.ts'

/** One change of one key that is made only if it is newer than what is held. */
export interface Write {
  readonly key: string
  readonly group: number
  /** The change is made only if nothing held is newer than this version. */
  readonly limit: number
  /** Milliseconds; `Infinity` for never ending. */
  readonly lifeMs: number
  /** With head. */
  readonly bytes: Buffer
}

/** What became of a write: something newer is held, written, written over a live record, or the key is of another type. */
export type WriteReply = 'superseded' | 'written' | 'replaced' | 'foreign'

const replyNames: readonly WriteReply[] = ['superseded', 'written', 'replaced', 'foreign']

/** The commands that the tier sends for records, each for keys of one lane. */
export class Store {
  readonly port: RedisPort
  readonly layout: KeyLayout
  readonly #clock: Clock
  readonly #torn: TornLanes

  constructor(port: RedisPort, layout: KeyLayout, clock: Clock) {
    this.port = port
    this.layout = layout
    this.#clock = clock
    this.#torn = new TornLanes(clock)
  }

  /** What is stored for each key of a lane; nil for strings that are not there and for other types. */
  read(keys: readonly string[], lane: number, port: RedisPort = this.port): Promise<readonly RedisReply[]> {
    return this.#torn.send(lane, {
      items: this.layout.lanes === 1 ? keys : keys.map((key) => this.layout.nameOf(key, lane)),
      nameOf: (name) => name,
      // GET would fail for a key of another type.
      send: async (names) => listOf(await port.send({ args: ['MGET', ...names], key: names[0] ?? '' })),
    })
  }

  /** Writes of one lane, in order. */
  write(writes: readonly Write[]): Promise<readonly (WriteReply | Error)[]> {
    const now = String(this.#clock.now())
    const nameOf = ({ key, group }: Write): string => this.layout.nameOf(key, group)
    return this.#torn.send(writes[0]?.group ?? 0, {
      items: writes,
      nameOf,
      send: async (part) => {
        const args: RedisArgument[] = [now]
        for (const { limit, lifeMs, bytes } of part) args.push(String(limit), lifeText(lifeMs), bytes)
        return listOf(await writeScript.run(this.port, part.map(nameOf), args)).map(writeReplyOf)
      },
    })
  }

  /** Removes the records among the names that are not newer than `version`. */
  async clear(names: readonly string[], version: number): Promise<void> {
    await this.#sum(clearScript, names, [String(version)])
  }

  /** How many of the names are records. */
  count(names: readonly string[]): Promise<number> {
    return this.#sum(countScript, names, [])
  }

  async #sum(script: Script, names: readonly string[], args: readonly RedisArgument[]): Promise<number> {
    const counts = await Promise.all(
      this.#byLane(names).map(([lane, items]) =>
        this.#torn.send(lane, {
          items,
          nameOf: (name) => name,
          send: async (part) => [numberOf(await script.run(this.port, part, args))],
        }),
      ),
    )
    return counts.flat().reduce((sum, count) => sum + count, 0)
  }

  #byLane(names: readonly string[]): readonly (readonly [lane: number, names: readonly string[]])[] {
    if (this.layout.lanes === 1) return [[0, names]]
    const lanes = new Map<number, string[]>()
    for (const name of names) {
      const lane = this.layout.laneOfName(name)
      const part = lanes.get(lane)
      if (part !== undefined) part.push(name)
      else if (lane !== -1) lanes.set(lane, [name])
    }
    return [...lanes]
  }
}

/** The life of a record as scripts take it, in milliseconds. */
export function lifeText(lifeMs: number): string {
  return lifeMs === Infinity ? '0' : String(Math.ceil(lifeMs))
}

function writeReplyOf(reply: RedisReply): WriteReply | Error {
  return replyNames[numberOf(reply)] ?? new Error(textOf(reply))
}
