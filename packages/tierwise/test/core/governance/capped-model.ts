import type { Cache, CacheManager } from '../../../src/contract/cache.ts'
import type { KeyRule, NamespaceOptions } from '../../../src/contract/options.ts'
import type { Tier, TierDefinition, TierRecord } from '../../../src/contract/tier.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { fakeRuntime, mapTier, sharedStore, type FakeRuntime } from '../../../src/testing/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'

/** Keys of two lives: what begins with `b` has a shorter cap. */
export const keys = ['a:1', 'a:2', 'a:3', 'a:4', 'b:1', 'b:2', 'b:3'] as const

export interface Step {
  readonly verb: (typeof verbs)[number]
  readonly key: number
  /** Milliseconds, for whatever takes a time. */
  readonly ms: number
}

export const verbs = [
  'set',
  'setMany',
  'setBehind',
  'setBelow',
  'getOrSet',
  'getOrSetMany',
  'notModified',
  'forceFresh',
  'failedLoad',
  'touch',
  'expire',
  'get',
  'getMany',
  'alias',
  'restore',
  'restart',
  'narrow',
  'wait',
] as const

interface Held {
  readonly id: number
}

const capMs = 1000
const quota = 3

/**
 * A manager over memory, a tier that keeps bytes and one that survives restarts, worked on by random verbs. It knows when
 * each value came to be, and after each step says which tier or verb still answers one that is older than its cap.
 */
export class CappedModel {
  readonly runtime: FakeRuntime = fakeRuntime()
  readonly #births = new Map<number, number>()
  /** What the last tier was given, and may be given again from a copy. */
  readonly #copies: TierRecord[] = []
  readonly #tiers: readonly TierDefinition[]
  #lower: Tier | undefined
  #next = 1
  #narrowed = 0
  #manager: CacheManager

  /** @param isShared the tier in the middle gives versions and leases to all that share it */
  constructor(isShared: boolean) {
    const last = mapTier({ name: 'last', capabilities: isShared ? { shared: false } : {} })
    const middle = isShared
      ? sharedStore({ clock: this.runtime.clock, random: this.runtime.random }).tier({ name: 'middle' })
      : mapTier({ name: 'middle' })
    this.#tiers = [memory({ maxEntries: 8 }), middle, this.#copied(last)]
    this.#manager = this.#open()
  }

  /** The cap of a key as it is now; a restart can make it narrower. */
  capOf(key: string): number {
    return (key.startsWith('b') ? capMs / 2 : capMs) / 2 ** this.#narrowed
  }

  async take({ verb, key: at, ms }: Step): Promise<void> {
    const key = keys[at % keys.length]!
    if (verb === 'wait') return this.runtime.advance(ms / 4)
    await this.runtime.until(this.#perform(verb, key, ms).then(() => undefined, refuseSurprise))
    await this.runtime.settle()
  }

  /** What is answered though it is too old, or held beyond the quota. */
  async violations(): Promise<readonly string[]> {
    const found: string[] = []
    const { namespaces } = this.#manager.governanceReport()
    const entries = namespaces['test']?.quota?.entries ?? 0
    if (entries > quota + 1) found.push(`memory holds ${entries} entries, ${quota} are allowed`)
    for (const key of keys) {
      const answers: (readonly [string, unknown])[] = [['peek', this.#cache.peek(key)]]
      for (const tier of ['memory', 'middle', 'last']) {
        const tiers = [tier]
        const info = await this.runtime.until(this.#cache.getEntry(key, { tiers }))
        answers.push([`get of ${tier}`, await this.runtime.until(this.#cache.get(key, { tiers }))])
        answers.push([`getEntry of ${tier}`, info?.value])
        const end = info?.expiresAt?.getTime() ?? Infinity
        const born = this.#births.get((info?.value as Held | undefined)?.id ?? 0)
        if (info !== undefined && born !== undefined && end > born + this.capOf(key))
          found.push(`${tier} promises ${key} for ${end - born} ms`)
      }
      answers.push(['getMany', (await this.runtime.until(this.#cache.getMany([key]))).get(key)])
      for (const [how, answer] of answers) {
        const born = this.#births.get((answer as Held | undefined)?.id ?? 0)
        const age = born === undefined ? 0 : this.runtime.clock.now() - born
        if (age >= this.capOf(key)) found.push(`${how} answers ${key} after ${age} ms of ${this.capOf(key)}`)
      }
      const left = await this.runtime.until(this.#cache.ttl(key))
      if ((left ?? 0) > this.capOf(key)) found.push(`ttl of ${key} is ${left}`)
    }
    return found
  }

  async end(): Promise<void> {
    await this.runtime.until(this.#manager.stop())
  }

  get #cache(): Cache<Held> {
    return this.#manager.namespace('test')
  }

  #value(): Held {
    const id = this.#next++
    this.#births.set(id, this.runtime.clock.now())
    return { id }
  }

  async #perform(verb: Step['verb'], key: string, ms: number): Promise<unknown> {
    const cache = this.#cache
    switch (verb) {
      case 'set':
        return cache.set(key, this.#value(), { ttl: ms, grace: ms })
      case 'setMany':
        return cache.setMany(
          keys.map((each) => [each, this.#value()]),
          { ttl: ms },
        )
      case 'setBehind':
        return cache.set(key, this.#value(), { writeMode: 'behind', ttl: ms })
      case 'setBelow':
        return cache.set(key, this.#value(), { tiers: ['last'] })
      case 'getOrSet':
        return cache.getOrSet(key, ({ setTtl }) => {
          setTtl(ms)
          return this.#value()
        })
      case 'getOrSetMany':
        return cache.getOrSetMany(keys, (missing) => new Map(missing.map((each) => [each, this.#value()])), { ttl: ms })
      case 'forceFresh':
        return cache.getOrSet(key, () => this.#value(), { forceFresh: true })
      case 'notModified':
        return cache.getOrSet(
          key,
          ({ previous, notModified }) => {
            if (previous === undefined) return this.#value()
            return notModified()
          },
          { forceFresh: true },
        )
      case 'failedLoad':
        return cache.getOrSet(key, () => Promise.reject(new Error('the source is down')))
      case 'touch':
        return cache.touch(key, ms)
      case 'expire':
        return cache.expire(key)
      case 'get':
        return cache.get(key)
      case 'getMany':
        return cache.getMany(keys)
      case 'alias':
        return this.#manager.namespace<Held>('other').touch(key, ms)
      case 'restore':
        return this.#restore()
      case 'restart':
        return this.#restart()
      case 'narrow':
        this.#narrowed = Math.min(this.#narrowed + 1, 2)
        return this.#restart()
      case 'wait':
        return undefined
    }
  }

  /** A copy of old records put back by hand, with an end that the copy did not know. */
  async #restore(): Promise<void> {
    await this.#manager.start()
    const records = this.#copies.map((record) => ({ ...record, version: record.version, expiresAt: Infinity }))
    await this.#lower?.delete(
      records.map(({ key }) => key),
      0,
    )
    await this.#lower?.set(records)
  }

  async #restart(): Promise<void> {
    await this.#manager.stop()
    this.#manager = this.#open()
  }

  #open(): CacheManager {
    const narrower = 2 ** this.#narrowed
    const rule: KeyRule = { match: 'b*', maxTtl: capMs / 2 / narrower }
    const test: NamespaceOptions = {
      maxTtl: capMs / narrower,
      grace: '1h',
      refreshAhead: 0.5,
      adaptiveTtl: { min: 10, max: '1h' },
      aliases: ['other'],
      maxEntries: quota,
      keyRules: [rule],
    }
    return createCacheManager({ tiers: this.#tiers, runtime: this.runtime, namespaces: { test } })
  }

  /** The tier, with its records written down on their way in. */
  #copied(definition: TierDefinition): TierDefinition {
    return {
      ...definition,
      create: (context) => {
        const tier = definition.create(context) as Tier
        this.#lower = tier
        const set = tier.set.bind(tier)
        tier.set = (records) => {
          this.#copies.push(...records.map((record) => ({ ...record, bytes: record.bytes.slice() })))
          return set(records)
        }
        return tier
      },
    }
  }
}

/** A load may fail where the source is down. */
function refuseSurprise(error: unknown): void {
  if ((error as { code?: string }).code !== 'ERR_CACHE_LOADER') throw error
}
