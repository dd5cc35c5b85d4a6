import type { RedisArgument, RedisPort, RedisReply } from '../../clients/redis/port.ts'
import type { KeyLayout } from './key-layout.ts'
import { listOf, numberOf, textOf } from './replies.ts'
import { isErrorReply, type Script } from './script.ts'
import { clearScript, countScript, writeScript } from './scripts.ts'
import type { Write, WriteReply } from './write-queue.ts'

const replyNames: readonly WriteReply[] = ['superseded', 'written', 'replaced', 'foreign']

/** The commands that the tier sends for records, each for keys of one lane. */
export class Store {
  readonly port: RedisPort
  readonly layout: KeyLayout

  constructor(port: RedisPort, layout: KeyLayout) {
    this.port = port
    this.layout = layout
  }

  /** What is stored for each key of a lane; nil for strings that are not there and for other types. */
  read(keys: readonly string[], lane: number): Promise<readonly RedisReply[]> {
    return readNames(
      this.port,
      keys.map((key) => this.layout.nameOf(key, lane)),
    )
  }

  /** Writes of one lane, in order. */
  async write(writes: readonly Write[], now: number): Promise<readonly (WriteReply | Error)[]> {
    const names = writes.map(({ key, group }) => this.layout.nameOf(key, group))
    const operations = writes.map(argumentsOf)
    return splitWhenTorn(operations, async (part, from) => {
      const keys = part.length === names.length ? names : names.slice(from, from + part.length)
      return listOf(await writeScript.run(this.port, keys, [String(now), ...part.flat()])).map(writeReplyOf)
    })
  }

  /** Removes the records among the names that are not newer than `version`; how many. */
  clear(names: readonly string[], version: number): Promise<number> {
    return this.#sum(clearScript, names, [String(version)])
  }

  /** How many of the names are records. */
  count(names: readonly string[]): Promise<number> {
    return this.#sum(countScript, names, [])
  }

  async #sum(script: Script, names: readonly string[], args: readonly RedisArgument[]): Promise<number> {
    const run = async (part: readonly string[]): Promise<readonly number[]> => [
      numberOf(await script.run(this.port, part, args)),
    ]
    const counts = await Promise.all(this.#byLane(names).map((part) => splitWhenTorn(part, run)))
    return counts.flat().reduce((sum, count) => sum + count, 0)
  }

  #byLane(names: readonly string[]): readonly (readonly string[])[] {
    if (this.layout.lanes === 1) return [names]
    const lanes = new Map<number, string[]>()
    for (const name of names) {
      const lane = this.layout.laneOfName(name)
      if (lane === -1) continue
      const part = lanes.get(lane)
      if (part === undefined) lanes.set(lane, [name])
      else part.push(name)
    }
    return [...lanes.values()]
  }
}

/** One reply a name. MGET answers nil for a key of another type, where GET would fail. */
export function readNames(port: RedisPort, names: readonly string[]): Promise<readonly RedisReply[]> {
  return splitWhenTorn(names, async (part) => {
    const [key = ''] = part
    return listOf(await port.send({ args: ['MGET', ...part], key }))
  })
}

/**
 * Runs `work` on all items at once. While the slot of the items moves to another node, some of them are here and some
 * there, and the cluster refuses commands with several keys (TRYAGAIN): then each item goes alone, in order, and the
 * client is sent to the right node for each.
 */
async function splitWhenTorn<I, O>(
  items: readonly I[],
  work: (items: readonly I[], from: number) => Promise<readonly O[]>,
): Promise<readonly O[]> {
  try {
    return await work(items, 0)
  } catch (error) {
    if (!isErrorReply(error, 'TRYAGAIN') || items.length === 1) throw error
    const parts = await Promise.all(items.map((item, index) => work([item], index)))
    return parts.flat()
  }
}

function argumentsOf({ limit, lifeMs, bytes }: Write): readonly RedisArgument[] {
  return [String(limit), lifeMs === Infinity ? '0' : String(Math.ceil(lifeMs)), bytes]
}

function writeReplyOf(reply: RedisReply): WriteReply | Error {
  const name = replyNames[numberOf(reply)]
  return name ?? new Error(textOf(reply))
}
