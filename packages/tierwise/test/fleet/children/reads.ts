import { setTimeout as sleep } from 'node:timers/promises'
import type { LoadOptions } from '../../../src/contract/options.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { isGraced, tagOf, type LastLook, type SourceCalls } from '../calls.ts'
import { monotonicMs } from '../monotonic.ts'
import type { Wire } from '../wire.ts'
import type { Observations } from './observations.ts'
import type { SourceWrites, Value } from './source-writes.ts'

export interface ReadsParts {
  readonly wire: Wire<SourceCalls>
  readonly random: SeededRandom
  readonly observations: Observations
  readonly writes: SourceWrites
}

/** Reads keys, in each way there is, and notes what was answered. */
export class Reads {
  readonly #parts: ReadsParts

  constructor(parts: ReadsParts) {
    this.#parts = parts
  }

  /** Whether there was a value. */
  async get(key: number): Promise<boolean> {
    const floor = this.#parts.writes.floors[key]!
    const begin = monotonicMs()
    const value = await this.#parts.writes.cacheOf(key).get(String(key))
    this.#note('get', key, { value, begin, floor })
    return value !== undefined
  }

  /** What memory serves at once, many times over. Returns how often there was something. */
  peek(key: number, times: number): number {
    const { writes, observations } = this.#parts
    const cache = writes.cacheOf(key)
    const name = String(key)
    const floor = writes.floors[key]!
    for (let done = 0; done < times; done++) {
      const begin = monotonicMs()
      const number = numberOf(cache.peek(name), key)
      if (number === null) return done
      observations.answer(key, { what: 'get', begin, end: begin, number }, { floor, isLenient: false })
    }
    return times
  }

  async load(key: number, options: LoadOptions = {}): Promise<void> {
    const { writes } = this.#parts
    const tag = tagOf(key)
    const floor = this.#loadFloor(key)
    const begin = monotonicMs()
    const value = await writes.cacheOf(key).getOrSet(String(key), () => this.#fromSource(key), {
      ...(tag === undefined ? {} : { tags: [tag] }),
      ...options,
    })
    this.#note('getOrSet', key, { value, begin, floor })
  }

  async getMany(keys: readonly number[]): Promise<void> {
    const { writes } = this.#parts
    const alike = keys.filter((key) => isGraced(key) === isGraced(keys[0]!))
    const floors = alike.map((key) => writes.floors[key]!)
    const begin = monotonicMs()
    const values = await writes.cacheOf(alike[0]!).getMany(alike.map(String))
    for (const [at, key] of alike.entries())
      this.#note('getMany', key, { value: values.get(String(key)), begin, floor: floors[at]! })
  }

  /** Of untagged keys, as the tags of a call are those of all its keys. */
  async loadMany(keys: readonly number[]): Promise<void> {
    const { writes, wire } = this.#parts
    const alike = keys.filter((key) => isGraced(key) === isGraced(keys[0]!) && tagOf(key) === undefined)
    if (alike.length === 0) return
    const floors = alike.map((key) => this.#loadFloor(key))
    const begin = monotonicMs()
    const values = await writes.cacheOf(alike[0]!).getOrSetMany(alike.map(String), async (missing) => {
      const numbers = await wire.ask('read', missing.map(Number))
      return new Map(missing.map((name, at) => [name, { key: Number(name), number: numbers[at]! }]))
    })
    for (const [at, key] of alike.entries())
      this.#note('getOrSetMany', key, { value: values.get(String(key)), begin, floor: floors[at]! })
  }

  /** What somebody else has just changed, with the token of that change. */
  async getAfter(key: number): Promise<void> {
    const { wire, random, writes } = this.#parts
    const newest = await wire.ask('newest', key)
    if (newest === null) return
    if (random.int(2) === 0 && !isGraced(key)) return this.#loadAfter(key, newest)
    const begin = monotonicMs()
    const value = await writes.cacheOf(key).get(String(key), { after: newest.token })
    this.#note('get after', key, { value, begin, floor: newest.number })
  }

  /** What is left of the key when all is over, in Redis and for a caller. */
  async lookAt(key: number): Promise<LastLook> {
    const cache = this.#parts.writes.cacheOf(key)
    const name = String(key)
    const redis = await cache.get(name, { tiers: ['redis'] })
    const get = await cache.get(name)
    const load = await cache.getOrSet(name, () => this.#askSource(key), { grace: false })
    return { key, redis: numberOf(redis, key), get: numberOf(get, key), load: numberOf(load, key) }
  }

  async #loadAfter(key: number, { token, number }: { readonly token: string; readonly number: number }): Promise<void> {
    const tag = tagOf(key)
    const begin = monotonicMs()
    const value = await this.#parts.writes.cacheOf(key).getOrSet(String(key), () => this.#fromSource(key), {
      after: token,
      ...(tag === undefined ? {} : { tags: [tag] }),
    })
    this.#note('getOrSet after', key, { value, begin, floor: number })
  }

  #loadFloor(key: number): number {
    const { floors, hardFloors } = this.#parts.writes
    return isGraced(key) ? hardFloors[key]! : floors[key]!
  }

  async #fromSource(key: number): Promise<Value> {
    const { random, observations } = this.#parts
    const begin = monotonicMs()
    if (random.int(4) === 0) await sleep(random.int(6))
    const value = await this.#askSource(key)
    if (random.int(4) === 0) await sleep(random.int(random.int(10) === 0 ? 400 : 20))
    observations.note(key, { what: 'load', begin, end: monotonicMs(), number: value.number })
    if (random.int(30) === 0) throw new Error('the source is down')
    return value
  }

  async #askSource(key: number): Promise<Value> {
    const [number = 0] = await this.#parts.wire.ask('read', [key])
    return { key, number }
  }

  #note(
    what: string,
    key: number,
    seen: { readonly value: Value | undefined; readonly begin: number; readonly floor: number },
  ): void {
    const { value, begin, floor } = seen
    const isLenient = isGraced(key) && what.startsWith('getOrSet')
    const number = numberOf(value, key) ?? undefined
    this.#parts.observations.answer(key, { what, begin, end: monotonicMs(), number }, { floor, isLenient })
  }
}

/** A value of another key would be worse than an old one. */
function numberOf(value: Value | undefined, key: number): number | null {
  if (value === undefined) return null
  if (value.key !== key) throw new Error(`${key} was answered with a value of ${value.key}`)
  return value.number
}
