import type { Clock } from '../../contract/runtime.ts'
import type { TagMarks, TagStore } from '../../contract/tags.ts'
import { changeState, readState } from './control.ts'
import type { Database } from './database.ts'
import { recordBytes, StoredRecord } from './record.ts'
import { keyFromBytes, keyToBytes, ordinaryKeyOf, storedKeyOf } from './stored-key.ts'

export interface DiskTagStoreOptions {
  readonly clock: Clock
  /** @throws TierError when the tier is closed. */
  database(): Database
}

/** Tag marks in the database; one clock for all processes that share it, raised inside a transaction. */
export class DiskTagStore implements TagStore {
  readonly #options: DiskTagStoreOptions

  constructor(options: DiskTagStoreOptions) {
    this.#options = options
  }

  async load(after = -1): Promise<TagMarks> {
    const database = this.#options.database()
    database.refreshReads()
    const clock = readState(database.state)?.tagClock ?? 0
    const marks = new Map<string, number>()
    for (const key of database.tags.getKeys({})) {
      const bytes = database.tags.getBinaryFast(key)
      const record = bytes && StoredRecord.read(bytes)
      // A damaged mark counts as an invalidation now: it may cost a miss, never serve what was invalidated.
      const tag = record === undefined ? ordinaryKeyOf(key)?.slice(1) : keyFromBytes(record.keyBytes)
      const mark = record?.version ?? clock
      if (tag !== undefined && mark > after) marks.set(tag, mark)
    }
    return { clock, marks }
  }

  async invalidate(tags: readonly string[], atLeast: number): Promise<number> {
    const database = this.#options.database()
    const now = this.#options.clock.now()
    return database.transact(() => {
      const { tagClock } = changeState(database.state, (state) => ({ tagClock: Math.max(state.tagClock + 1, atLeast) }))
      const head = { version: tagClock, expiresAt: Infinity, writtenAt: now, generation: 0 }
      for (const tag of tags) database.tags.put(storedKeyOf(`/${tag}`), recordBytes(head, undefined, keyToBytes(tag)))
      return tagClock
    })
  }
}
