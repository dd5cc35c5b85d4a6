import { duration } from '../../base/option-reader.ts'
import type { Duration } from '../../contract/options.ts'
import type { Keys } from '../keys.ts'
import type { Steps } from '../steps.ts'
import { textOf, valueOf } from '../values.ts'

/** Fields that change together, one record for each id. */
export interface Hash<T extends object> {
  /** Sets some fields in one step and leaves the others; `undefined` removes one. */
  set(
    id: string,
    fields: { readonly [K in keyof T]?: T[K] | undefined },
    options?: { readonly ttl?: Duration },
  ): Promise<void>
  /** All fields, or those named; undefined when there is no record. */
  get<K extends keyof T = keyof T>(id: string, fields?: readonly K[]): Promise<Partial<Pick<T, K>> | undefined>
  /** Whether there was one. */
  delete(id: string): Promise<boolean>
}

export class StoredHash<T extends object> implements Hash<T> {
  readonly #keys: Keys
  readonly #steps: Steps
  readonly #ttlMs: number | undefined

  constructor(keys: Keys, steps: Steps, ttlMs: number | undefined) {
    this.#keys = keys
    this.#steps = steps
    this.#ttlMs = ttlMs
  }

  async set(
    id: string,
    fields: { readonly [K in keyof T]?: T[K] | undefined },
    { ttl }: { readonly ttl?: Duration } = {},
  ): Promise<void> {
    const key = this.#keys.of(id, 'set')
    const pairs = Object.entries(fields).map(([name, value]) => [
      name,
      value === undefined ? null : textOf(value, 'set'),
    ])
    const ttlMs = ttl === undefined ? this.#ttlMs : duration(ttl, 'ttl')
    await this.#steps.take('set', (store) => store.setFields(key, Object.fromEntries(pairs), ttlMs))
  }

  async get<K extends keyof T = keyof T>(id: string, fields?: readonly K[]): Promise<Partial<Pick<T, K>> | undefined> {
    const key = this.#keys.of(id, 'get')
    const names = fields?.map(String)
    const held = await this.#steps.take(
      'get',
      (store) => store.fields(key, names),
      () => undefined,
    )
    if (held === undefined) return undefined
    const pairs = Object.entries(held).map(([name, text]) => [name, valueOf(text)])
    return Object.fromEntries(pairs) as Partial<Pick<T, K>>
  }

  async delete(id: string): Promise<boolean> {
    const key = this.#keys.of(id, 'delete')
    return (await this.#steps.take('delete', (store) => store.remove(key))).removed
  }
}
