import { setTimeout as sleep } from 'node:timers/promises'

import type { Cache, CacheManager } from '../../src/contract/cache.ts'
import type { TierDefinition } from '../../src/contract/tier.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import type { SeededRandom } from '../../src/testing/index.ts'
import { History } from '../core/model/history.ts'
import { until } from './loaded-application.ts'

const keys = ['a', 'b', 'c', 'd'] as const
type Key = (typeof keys)[number]

const mostInFlight = 12

/** Failures that a call may end with: a loader that failed, and a listing that could not be made. */
const allowed = new Set(['ERR_CACHE_LOADER', 'ERR_CACHE_TIER_READ', 'ERR_CACHE_TIER_TIMEOUT', 'ERR_CACHE_TIER_OPEN'])

/** Random work of one process over real tiers, and what of its answers contradicts the history of its keys. */
export class RealModel {
  readonly manager: CacheManager
  readonly #cache: Cache<number>
  readonly #names: readonly string[]
  readonly #random: SeededRandom
  readonly #history = new History()
  readonly #failures: string[] = []
  readonly #running = new Set<Promise<unknown>>()
  #calls = 0

  constructor(tiers: readonly TierDefinition[], random: SeededRandom) {
    this.#random = random
    this.#names = tiers.map(({ name }) => name)
    this.manager = createCacheManager({
      tiers,
      namespaces: { model: { ttl: '2s', grace: '1s', graceBackoff: '20ms', tags: ['all'], maxEntries: 2 } },
      tierTimeout: 100,
      connectTimeout: '1s',
      breaker: { openFor: 200 },
      maxPendingWrites: 3,
    })
    this.#cache = this.manager.namespace('model')
  }

  get calls(): number {
    return this.#calls
  }

  async work(forMs: number): Promise<void> {
    const endsAt = performance.now() + forMs
    while (performance.now() < endsAt) {
      while (this.#running.size < mostInFlight) this.#start()
      await Promise.race(this.#running)
      await sleep(this.#random.int(3))
    }
    await Promise.all(this.#running)
  }

  /** Lets what is owed be delivered, looks into every tier, and returns what was wrong. */
  async end(): Promise<readonly string[]> {
    await until(async () => {
      for (const key of keys) await this.#perform('get', key)
      await this.#cache.set('other', 0)
      await this.#cache.delete('other')
      return (await this.manager.health()).healthy
    }, 'healthy tiers')
    for (const key of keys) {
      const floor = this.#history.floor(key)
      for (const tier of this.#names)
        this.#history.check(`At the end ${tier}`, key, { value: await this.#cache.get(key, { tiers: [tier] }), floor })
    }
    return [...this.#history.violations, ...this.#failures]
  }

  #start(): void {
    const what = this.#random.pick(verbs)
    const work = this.#perform(what, this.#random.pick(keys)).catch((error: unknown) => {
      if (!allowed.has((error as { code?: string }).code ?? '')) this.#failures.push(`${what} failed: ${String(error)}`)
    })
    this.#calls++
    this.#running.add(work)
    void work.then(() => this.#running.delete(work))
  }

  async #perform(what: Verb, key: Key): Promise<unknown> {
    const cache = this.#cache
    switch (what) {
      case 'get':
        return this.#read(what, [key], async () => new Map([[key, await cache.get(key)]]))
      case 'getMany':
        return this.#read(what, keys, () => cache.getMany(keys))
      case 'getOrSet':
        return this.#read(what, [key], async () => new Map([[key, await cache.getOrSet(key, () => this.#load(key))]]))
      case 'getOrSetMany':
        return this.#read(what, keys, () => cache.getOrSetMany(keys, (missing) => this.#loadAll(missing as Key[])))
      case 'set':
        return this.#set(key)
      case 'setMany':
        return this.#change(keys, (values) => cache.setMany(values))
      case 'delete':
        return this.#change([key], () => cache.delete(key))
      case 'deleteMany':
        return this.#change(keys, () => cache.deleteMany(keys))
      case 'mutate':
        return this.#mutate(key)
      case 'touch':
        return cache.touch(key)
      case 'expire': {
        const moved = this.#history.move(key)
        await cache.expire(key)
        return this.#history.confirmExpiry(key, moved)
      }
      case 'invalidateTags':
        return this.#change(keys, () => cache.invalidateTags(['all']))
      case 'clear':
        return this.#change(keys, () => cache.clear())
      case 'invalidatePattern':
        return this.#change(keys, () => cache.invalidatePattern('[a-d]'))
    }
  }

  /** A loader that fails lets a value stand in that was only expired. */
  async #read(
    what: Verb,
    asked: readonly Key[],
    read: () => Promise<ReadonlyMap<string, number | undefined>>,
  ): Promise<void> {
    const loads = what === 'getOrSet' || what === 'getOrSetMany'
    const floors = asked.map((key) => (loads ? this.#history.staleFloor(key) : this.#history.floor(key)))
    const values = await read()
    for (const [index, key] of asked.entries())
      this.#history.check(what, key, { value: values.get(key), floor: floors[index]! })
  }

  async #load(key: Key): Promise<number> {
    const value = this.#history.current(key)
    await sleep(this.#random.int(8))
    if (this.#random.int(10) === 0) throw new Error('the source is down')
    return value
  }

  async #loadAll(missing: readonly Key[]): Promise<Map<string, number>> {
    const values = new Map(missing.map((key) => [key, this.#history.current(key)]))
    await sleep(this.#random.int(8))
    return values
  }

  async #set(key: Key): Promise<void> {
    const writeMode = this.#random.pick(['through', 'through', 'behind', 'around'] as const)
    const tiers = this.#random.int(5) === 0 ? { tiers: [this.#random.pick(this.#names)] } : {}
    await this.#change([key], ([first]) => this.#cache.set(key, first![1], { writeMode, ...tiers }))
  }

  async #mutate(key: Key): Promise<void> {
    let moved = 0
    await this.#cache.mutate([key], async () => {
      await sleep(this.#random.int(5))
      moved = this.#history.move(key)
      await sleep(this.#random.int(5))
    })
    this.#history.confirm(key, moved)
  }

  /** Moves the sources on, tells the cache, and remembers what it confirmed. */
  async #change(changed: readonly Key[], tell: (values: [Key, number][]) => Promise<unknown>): Promise<void> {
    const moved = changed.map((key): [Key, number] => [key, this.#history.move(key)])
    await tell(moved)
    for (const [key, value] of moved) this.#history.confirm(key, value)
  }
}

/** As often as they find something. */
const verbs = [
  ...(['get', 'get', 'get', 'getOrSet', 'getOrSet', 'getOrSet', 'set', 'set', 'delete', 'delete'] as const),
  ...(['getMany', 'getOrSetMany', 'setMany', 'deleteMany', 'mutate', 'touch', 'expire'] as const),
  ...(['invalidateTags', 'clear', 'invalidatePattern'] as const),
]
type Verb = (typeof verbs)[number]
