import type { Keys } from '../keys.ts'
import type { Steps } from '../steps.ts'

/** How far something has come: a number that only grows, and never ends. */
export interface Watermark {
  /** Undefined before the first. */
  get(id: string): Promise<number | undefined>
  /** Moves on, to a time or a number; false when it had come as far already. Never back, whoever comes late. */
  advance(id: string, to: number | Date): Promise<boolean>
  /** Forgets it, so that all begins again; whether there was one. */
  reset(id: string): Promise<boolean>
}

export class StoredWatermark implements Watermark {
  readonly #keys: Keys
  readonly #steps: Steps

  constructor(keys: Keys, steps: Steps) {
    this.#keys = keys
    this.#steps = steps
  }

  async get(id: string): Promise<number | undefined> {
    const key = this.#keys.of(id, 'get')
    const held = await this.#steps.take('get', (store) => store.read(key))
    return held && Number(held.value)
  }

  async advance(id: string, to: number | Date): Promise<boolean> {
    const key = this.#keys.of(id, 'advance')
    const mark = Number(to)
    if (!Number.isFinite(mark))
      throw new RangeError(`A watermark of ${mark} is not possible; it must be a finite number or a date.`)
    return (await this.#steps.take('advance', (store) => store.raise(key, mark))).raised
  }

  async reset(id: string): Promise<boolean> {
    const key = this.#keys.of(id, 'reset')
    return (await this.#steps.take('reset', (store) => store.remove(key))).removed
  }
}
