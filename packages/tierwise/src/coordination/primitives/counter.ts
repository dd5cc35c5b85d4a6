import type { Keys } from '../keys.ts'
import type { Steps } from '../steps.ts'

/** Whole numbers that many processes add to. */
export interface Counter {
  /**
   * Adds, and answers the sum. With `window` the first one of a stretch begins it, and the sum is gone at its end.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws RangeError when `by` is not a safe integer
   * @throws TierError ERR_CACHE_UNAVAILABLE, ERR_CACHE_TIER_WRITE when the sum would leave the safe integers
   */
  increment(id: string, by?: number): Promise<number>
  /** The sum, 0 when there is none. */
  get(id: string): Promise<number>
  /** The sum and the end of it in one step: what others add meanwhile is in one answer or the next, never in both or none. */
  getAndReset(id: string): Promise<number>
  /** Milliseconds until the sum is gone: `Infinity` for never, undefined when there is none. */
  endsIn(id: string): Promise<number | undefined>
}

export class StoredCounter implements Counter {
  readonly #keys: Keys
  readonly #steps: Steps
  readonly #windowMs: number | undefined

  constructor(keys: Keys, steps: Steps, windowMs: number | undefined) {
    this.#keys = keys
    this.#steps = steps
    this.#windowMs = windowMs
  }

  async increment(id: string, by = 1): Promise<number> {
    if (!Number.isSafeInteger(by)) throw new RangeError(`\`by\` is ${by}; it must be a whole number.`)
    const key = this.#keys.of(id, 'increment')
    return (await this.#steps.take('increment', (store) => store.add(key, by, this.#windowMs))).value
  }

  async get(id: string): Promise<number> {
    const key = this.#keys.of(id, 'get')
    return Number((await this.#steps.take('get', (store) => store.read(key)))?.value ?? 0)
  }

  async getAndReset(id: string): Promise<number> {
    const key = this.#keys.of(id, 'getAndReset')
    return Number((await this.#steps.take('getAndReset', (store) => store.remove(key))).before ?? 0)
  }

  async endsIn(id: string): Promise<number | undefined> {
    const key = this.#keys.of(id, 'endsIn')
    return (await this.#steps.take('endsIn', (store) => store.read(key)))?.leftMs
  }
}
