import type { RedisPort } from '../../clients/redis/port.ts'
import type { TagMarks, TagStore } from '../../contract/tags.ts'
import { listOf, numberOf, textOf } from './replies.ts'
import { invalidateTagsScript, loadTagsScript } from './scripts.ts'

/** Tag marks and their clock in one sorted set; the clock is raised inside the script that marks. */
export class RedisTagStore implements TagStore {
  readonly #key: string
  readonly #port: () => RedisPort

  /** `prefix` is that of the storage keys; `port` throws when the tier is not open. */
  constructor(prefix: string, port: () => RedisPort) {
    this.#key = `{${prefix}:tags}`
    this.#port = port
  }

  async load(after = -1): Promise<TagMarks> {
    const [clock, floor, fields] = listOf(await loadTagsScript.run(this.#port(), [this.#key], [String(after)]))
    const scored = listOf(fields)
    const marks = new Map<string, number>()
    for (let index = 0; index + 1 < scored.length; index += 2) {
      const name = textOf(scored[index])
      if (name.startsWith(':')) marks.set(name.slice(1), numberOf(scored[index + 1]))
    }
    return { clock: numberOf(clock), floor: numberOf(floor), marks }
  }

  async invalidate(tags: readonly string[], atLeast: number): Promise<number> {
    return numberOf(await invalidateTagsScript.run(this.#port(), [this.#key], [String(atLeast), ...tags]))
  }
}
