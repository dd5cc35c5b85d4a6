import type { RedisPort, RedisReply } from '../../clients/redis/port.ts'
import type { Clock } from '../../contract/runtime.ts'
import type { RawRecord, RawStore } from '../../contract/tier.ts'
import { escapeGlob } from '../../base/glob.ts'
import { pagesOfNames, UniqueNames } from './key-pages.ts'
import { slotOf } from './key-slot.ts'
import { ReadQueue } from './read-queue.ts'
import { bytesOf, listOf, numberOf } from './replies.ts'
import { rawReadScript } from './scripts.ts'

/** Longer lives are kept for ever: Redis adds them to its clock and refuses what overflows. */
export const longestLifeMs = 1e14

/** Plain strings of Redis, for namespaces that are shared with code which talks to Redis itself. */
export class RedisRawStore implements RawStore {
  readonly #port: () => RedisPort
  readonly #clock: Clock
  readonly #reads: ReadQueue<Pick<RawRecord, 'bytes' | 'expiresAt'>>

  /** `port` throws when the tier is not open. */
  constructor(port: () => RedisPort, clock: Clock) {
    this.#port = port
    this.#clock = clock
    this.#reads = new ReadQueue({
      groupOf: (key) => (port().topology === 'cluster' ? slotOf(key) : 0),
      ask: async (keys) => listOf(await rawReadScript.run(port(), keys, [])),
      accept: (reply, _key, now) => recordOf(reply, now),
      now: () => clock.now(),
    })
  }

  async get(keys: readonly string[]): Promise<readonly (RawRecord | undefined)[]> {
    this.#port()
    return this.#reads.get(keys, (record, index) => ({ key: keys[index] ?? '', ...record }))
  }

  async set(records: readonly RawRecord[]): Promise<void> {
    const port = this.#port()
    const now = this.#clock.now()
    await Promise.all(
      records.map(({ key, bytes, expiresAt }) => {
        const lifeMs = expiresAt - now
        if (lifeMs <= 0) return port.send({ args: ['DEL', key], key })
        const life = lifeMs > longestLifeMs ? [] : ['PX', String(Math.ceil(lifeMs))]
        return port.send({ args: ['SET', key, bytes, ...life], key })
      }),
    )
  }

  async delete(keys: readonly string[]): Promise<readonly boolean[]> {
    const port = this.#port()
    const replies = await Promise.all(keys.map((key) => port.send({ args: ['DEL', key], key })))
    return replies.map((reply) => numberOf(reply) > 0)
  }

  async *scan(prefix: string): AsyncIterable<string> {
    const unique = new UniqueNames()
    for await (const names of pagesOfNames(this.#port(), `${escapeGlob(prefix)}*`)) {
      for (const name of names) if (name.startsWith(prefix) && unique.add(name)) yield name
    }
  }
}

function recordOf(reply: RedisReply, now: number): Pick<RawRecord, 'bytes' | 'expiresAt'> | undefined {
  const [value, life] = listOf(reply)
  const bytes = bytesOf(value)
  if (bytes === undefined) return undefined
  const lifeMs = numberOf(life)
  return { bytes, expiresAt: lifeMs < 0 ? Infinity : now + lifeMs }
}
