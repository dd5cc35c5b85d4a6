import type { RedisPort } from '../../clients/redis/port.ts'
import type { TagStore } from '../../contract/tags.ts'
import { listOf, numberOf, textOf } from './replies.ts'
import { invalidateTagsScript, loadTagsScript } from './scripts.ts'

const clockField = 'clock'

/** Tag marks and their clock in one hash; the clock is raised inside the script that marks. */
export class RedisTagStore implements TagStore {
  readonly #key: string
  readonly #port: () => RedisPort

  /** `prefix` is that of the storage keys; `port` throws when the tier is not open. */
  constructor(prefix: string, port: () => RedisPort) {
    this.#key = `{${prefix}:tags}`
    this.#port = port
  }

  async load(): Promise<{ readonly clock: number; readonly marks: ReadonlyMap<string, number> }> {
    const fields = listOf(await loadTagsScript.run(this.#port(), [this.#key], []))
    const marks = new Map<string, number>()
    let clock = 0
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const name = textOf(fields[index])
      const mark = numberOf(fields[index + 1])
      if (name === clockField) clock = mark
      else marks.set(name.slice(1), mark)
    }
    return { clock, marks }
  }

  async invalidate(tags: readonly string[], atLeast: number): Promise<number> {
    return numberOf(await invalidateTagsScript.run(this.#port(), [this.#key], [String(atLeast), ...tags]))
  }
}
