import type { Scored, ScoreRange } from '../../contract/coordination.ts'
import type { Keys } from '../keys.ts'
import type { Steps } from '../steps.ts'

/** Lists that are sorted by a number: a history, a series, a ranking. */
export interface SortedSet {
  /** Puts a member in, or moves it. With `keep` the lowest ones beyond it go. */
  add(id: string, member: string, score: number): Promise<void>
  /** One step for all of them. */
  addMany(id: string, members: readonly Scored[]): Promise<void>
  /** Lowest first, or highest first with `reverse`; `min` and `max` are inclusive. */
  range(id: string, range?: ScoreRange): Promise<readonly Scored[]>
  /** How many of them were there. */
  remove(id: string, members: readonly string[]): Promise<number>
  /** Removes what lies between two scores, both inclusive; how many. */
  removeRange(id: string, range: Pick<ScoreRange, 'min' | 'max'>): Promise<number>
  /** Whether there were any. */
  clear(id: string): Promise<boolean>
}

/** How it is kept. */
export interface SortedSetSettings {
  readonly keep: number | undefined
  readonly ttlMs: number | undefined
}

export class StoredSortedSet implements SortedSet {
  readonly #keys: Keys
  readonly #steps: Steps
  readonly #kept: { readonly keep?: number; readonly ttlMs?: number }

  constructor(keys: Keys, steps: Steps, { keep, ttlMs }: SortedSetSettings) {
    this.#keys = keys
    this.#steps = steps
    this.#kept = { ...(keep === undefined ? {} : { keep }), ...(ttlMs === undefined ? {} : { ttlMs }) }
  }

  async add(id: string, member: string, score: number): Promise<void> {
    await this.addMany(id, [{ member, score }])
  }

  async addMany(id: string, members: readonly Scored[]): Promise<void> {
    const key = this.#keys.of(id, 'add')
    const wrong = members.find(({ score }) => !Number.isFinite(score))
    if (wrong) throw new RangeError(`A score is ${wrong.score}; it must be a finite number.`)
    if (members.length > 0) await this.#steps.take('add', (store) => store.rank(key, members, this.#kept))
  }

  async range(id: string, range?: ScoreRange): Promise<readonly Scored[]> {
    const key = this.#keys.of(id, 'range')
    return this.#steps.take(
      'range',
      (store) => store.ranked(key, range),
      () => [],
    )
  }

  async remove(id: string, members: readonly string[]): Promise<number> {
    const key = this.#keys.of(id, 'remove')
    return members.length === 0 ? 0 : this.#steps.take('remove', (store) => store.unrank(key, members))
  }

  async removeRange(id: string, range: Pick<ScoreRange, 'min' | 'max'>): Promise<number> {
    const key = this.#keys.of(id, 'removeRange')
    return this.#steps.take('removeRange', (store) => store.unrank(key, range))
  }

  async clear(id: string): Promise<boolean> {
    const key = this.#keys.of(id, 'clear')
    return (await this.#steps.take('clear', (store) => store.remove(key))).removed
  }
}
