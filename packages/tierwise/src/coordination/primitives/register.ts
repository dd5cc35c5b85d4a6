import type { HeldText } from '../../contract/coordination.ts'
import { duration } from '../../base/option-reader.ts'
import type { Duration } from '../../contract/options.ts'
import type { Keys } from '../keys.ts'
import type { AnswerSource, Steps } from '../steps.ts'
import { textOf, valueOf } from '../values.ts'

/** How a value is written. */
export interface RegisterWriteOptions {
  /** After which it ends. @default that of the register */
  readonly ttl?: Duration
}

/** A value for another one. */
export interface ComparedWrite<V> extends RegisterWriteOptions {
  /** What is there now; undefined for nothing. */
  readonly expected: V | undefined
  /** What is to be there then. */
  readonly value: V
}

/** What `update` makes of a value: another one, or undefined to leave it as it is. */
export type RegisterChange<V> = (current: V | undefined) => V | undefined | Promise<V | undefined>

/** Single values, each changed in atomic steps. */
export interface Register<V> {
  /** The value; undefined for none. @throws CodecError ERR_CACHE_DECODE when it was not written by a register */
  get(id: string): Promise<V | undefined>
  /** As `get`, with where the answer came from: the store, this process (`local`) or nobody (`open`). */
  getWithSource(id: string): Promise<{ readonly value: V | undefined; readonly source: AnswerSource }>
  /** Writes, whatever was there. @throws ValueError ERR_CACHE_VALUE_UNDEFINED, CodecError ERR_CACHE_ENCODE */
  set(id: string, value: V, options?: RegisterWriteOptions): Promise<void>
  /** True for the one that was first. */
  setIfAbsent(id: string, value: V, options?: RegisterWriteOptions): Promise<boolean>
  /** The value for the one that was first, undefined for all others. */
  getAndDelete(id: string): Promise<V | undefined>
  /** Writes if the value equals what is expected by content. */
  compareAndSet(id: string, change: ComparedWrite<V>): Promise<boolean>
  /** Deletes if the value equals `expected` by content; any value without it. */
  delete(id: string, expected?: V): Promise<boolean>
  /**
   * Changes a value by what it is: reads it, and writes if nobody has written meanwhile, else begins again. Answers what
   * is held then. `change` may run several times.
   */
  update(id: string, change: RegisterChange<V>, options?: RegisterWriteOptions): Promise<V | undefined>
}

export class StoredRegister<V> implements Register<V> {
  readonly #keys: Keys
  readonly #steps: Steps
  readonly #ttlMs: number | undefined

  constructor(keys: Keys, steps: Steps, ttlMs: number | undefined) {
    this.#keys = keys
    this.#steps = steps
    this.#ttlMs = ttlMs
  }

  async get(id: string): Promise<V | undefined> {
    return (await this.getWithSource(id)).value
  }

  async getWithSource(id: string): Promise<{ readonly value: V | undefined; readonly source: AnswerSource }> {
    const key = this.#keys.of(id, 'get')
    const { answer, source } = await this.#steps.takeFrom(
      'get',
      (store) => store.read(key),
      () => undefined,
    )
    return { value: answer && (valueOf(answer.value) as V), source }
  }

  async set(id: string, value: V, options: RegisterWriteOptions = {}): Promise<void> {
    const key = this.#keys.of(id, 'set')
    const text = textOf(value, 'set')
    await this.#steps.take('set', (store) => store.write(key, text, { ttlMs: this.#ttlOf(options) }))
  }

  async setIfAbsent(id: string, value: V, options: RegisterWriteOptions = {}): Promise<boolean> {
    return this.#write('setIfAbsent', id, { value, onlyIf: undefined, options })
  }

  async getAndDelete(id: string): Promise<V | undefined> {
    const key = this.#keys.of(id, 'getAndDelete')
    const { before } = await this.#steps.take(
      'getAndDelete',
      (store) => store.remove(key),
      () => ({ removed: false, before: undefined }),
    )
    return before === undefined ? undefined : (valueOf(before) as V)
  }

  async compareAndSet(id: string, { expected, value, ...options }: ComparedWrite<V>): Promise<boolean> {
    const onlyIf = expected === undefined ? undefined : textOf(expected, 'compareAndSet')
    return this.#write('compareAndSet', id, { value, onlyIf, options })
  }

  async delete(id: string, expected?: V): Promise<boolean> {
    const key = this.#keys.of(id, 'delete')
    const onlyIf = expected === undefined ? undefined : { is: textOf(expected, 'delete') }
    return (await this.#steps.take('delete', (store) => store.remove(key, onlyIf))).removed
  }

  async update(id: string, change: RegisterChange<V>, options: RegisterWriteOptions = {}): Promise<V | undefined> {
    const key = this.#keys.of(id, 'update')
    const ttlMs = this.#ttlOf(options)
    let held: HeldText | undefined = await this.#steps.take('update', (store) => store.read(key))
    for (;;) {
      const current = held && (valueOf(held.value) as V)
      const next = await change(current)
      if (next === undefined) return current
      const text = textOf(next, 'update')
      const onlyIf = held === undefined ? 'absent' : { is: held.value }
      const outcome = await this.#steps.take('update', (store) => store.write(key, text, { ttlMs, onlyIf }))
      if (outcome.written) return next
      held = outcome.before
    }
  }

  async #write(
    operation: string,
    id: string,
    {
      value,
      onlyIf,
      options,
    }: { readonly value: V; readonly onlyIf: string | undefined; readonly options: RegisterWriteOptions },
  ): Promise<boolean> {
    const key = this.#keys.of(id, operation)
    const text = textOf(value, operation)
    const condition = { ttlMs: this.#ttlOf(options), onlyIf: onlyIf === undefined ? 'absent' : { is: onlyIf } } as const
    const { written } = await this.#steps.take(
      operation,
      (store) => store.write(key, text, condition),
      () => ({ written: true, before: undefined }),
    )
    return written
  }

  #ttlOf({ ttl }: RegisterWriteOptions): number | undefined {
    return ttl === undefined ? this.#ttlMs : duration(ttl, 'ttl')
  }
}
