import type { RedisPort } from '../../clients/redis/port.ts'
import type { TagMarks, TagStore } from '../../contract/tags.ts'
import type { Announcer } from './announcer.ts'
import { listOf, numberOf, textOf } from './replies.ts'
import { invalidateTagsScript, loadTagsScript } from './scripts.ts'

/** What a tag store works with while the tier is open. */
export interface TagStoreLink {
  readonly port: RedisPort
  readonly announcer: Announcer
}

/** Tag marks and their clock in one sorted set; the clock is raised, and the tags announced, in the script that marks. */
export class RedisTagStore implements TagStore {
  readonly #key: string
  readonly #link: () => TagStoreLink

  /** `prefix` is that of the storage keys; `link` throws when the tier is not open. */
  constructor(prefix: string, link: () => TagStoreLink) {
    this.#key = `{${prefix}:tags}`
    this.#link = link
  }

  async load(after = -1): Promise<TagMarks> {
    const [clock, floor, fields] = listOf(await loadTagsScript.run(this.#link().port, [this.#key], [String(after)]))
    const scored = listOf(fields)
    const marks = new Map<string, number>()
    for (let index = 0; index + 1 < scored.length; index += 2) {
      const name = textOf(scored[index])
      if (name.startsWith(':')) marks.set(name.slice(1), numberOf(scored[index + 1]))
    }
    return { clock: numberOf(clock), floor: numberOf(floor), marks }
  }

  async invalidate(tags: readonly string[], atLeast: number): Promise<number> {
    const { port, announcer } = this.#link()
    const { keys, args } = announcer.tags()
    const given = [String(atLeast), ...args, ...tags]
    return numberOf(await invalidateTagsScript.run(port, [this.#key, ...keys], given))
  }
}
