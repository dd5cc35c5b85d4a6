import { setTimeout as sleep } from 'node:timers/promises'
import type { Cache, CacheManager } from '../../../src/contract/cache.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { isGraced, tagOf, type How, type SourceCalls, type Told } from '../calls.ts'
import { monotonicMs } from '../monotonic.ts'
import type { Wire } from '../wire.ts'
import type { Observations } from './observations.ts'

export interface Value {
  readonly key: number
  readonly number: number
}

interface Begun {
  readonly key: number
  readonly number: number
}

/** What a change of this process came to: whether all will see it, and by which token. */
interface Outcome {
  readonly isApplied: boolean
  readonly token?: string
}

export interface SourceWritesParts {
  readonly manager: CacheManager
  readonly wire: Wire<SourceCalls>
  readonly random: SeededRandom
  readonly observations: Observations
  readonly keys: number
  /** Counts a call that was rejected. */
  readonly fail: (what: string, error: unknown) => void
}

/** Changes keys at their source and tells the cache, in each way there is. */
export class SourceWrites {
  /** What the changes of this process had reached, by key: no later read of it may answer less. */
  readonly floors: Float64Array
  /** As `floors`, without those that let stale values stand in. */
  readonly hardFloors: Float64Array
  readonly #parts: SourceWritesParts
  readonly #plain: Cache<Value>
  readonly #graced: Cache<Value>
  readonly #openBreakers = new Set<string>()
  /** Counts what went wrong with Redis. */
  #troubles = 0

  constructor(parts: SourceWritesParts) {
    const { manager, keys } = parts
    this.#parts = parts
    this.floors = new Float64Array(keys)
    this.hardFloors = new Float64Array(keys)
    this.#plain = manager.namespace('plain')
    this.#graced = manager.namespace('graced')
    manager.on('tier-error', ({ tier }) => tier === 'redis' && this.#troubles++)
    manager.on('intent', ({ tier }) => tier === 'redis' && this.#troubles++)
    manager.on('breaker', ({ tier, kind, state }) => {
      if (tier !== 'redis') return
      this.#troubles++
      if (state === 'closed') this.#openBreakers.delete(kind)
      else this.#openBreakers.add(kind)
    })
  }

  cacheOf(key: number): Cache<Value> {
    return isGraced(key) ? this.#graced : this.#plain
  }

  /** One change; nothing when others are changing the keys. */
  async make(how: How, key: number): Promise<void> {
    if (how === 'mutate') return this.#mutate(key)
    const begun = await this.#parts.wire.ask('begin', { keys: this.#keysOf(how, key), how })
    if (begun.length === 0) return
    for (const each of begun) this.#note(`${how} begins`, each)
    const outcome = await this.#tell(how, key, begun).catch((error: unknown): Outcome => {
      this.#parts.fail(how, error)
      return { isApplied: false }
    })
    await this.#close(how, begun, outcome)
  }

  /** For a process that has died with changes that it may not have told. */
  async tellAgain(keys: readonly number[]): Promise<readonly Told[]> {
    const told: Told[] = []
    for (const key of keys) {
      const { isApplied, token } = await this.#invalidate([{ key, number: 0 }])
      told.push({ key, number: 0, how: 'again', at: isApplied ? monotonicMs() : null, token })
    }
    return told
  }

  #keysOf(how: How, key: number): readonly number[] {
    const all = Array.from({ length: this.#parts.keys }, (_, each) => each).filter(
      (each) => isGraced(each) === isGraced(key),
    )
    if (how === 'clear') return all
    if (how === 'tags') return all.filter((each) => tagOf(each) !== undefined && tagOf(each) === tagOf(key))
    if (how === 'pattern') return all.filter((each) => String(each).startsWith(String(key)))
    if (how === 'setMany') return all.filter((each) => tagOf(each) === undefined && this.#parts.random.int(8) === 0)
    return [key]
  }

  /** A set that failed may still arrive, and no later change of another process would be safe from it. */
  async #close(how: How, begun: readonly Begun[], outcome: Outcome): Promise<void> {
    let { isApplied, token } = outcome
    const mayArriveLate = how === 'set' || how === 'setMany'
    while (!isApplied && mayArriveLate) {
      await sleep(30)
      ;({ isApplied, token = undefined } = await this.#invalidate(begun))
    }
    const at = isApplied ? monotonicMs() : null
    for (const each of begun) {
      this.#note(isApplied ? `${how} applied` : `${how} owed`, each)
      if (at === null) continue
      this.floors[each.key] = Math.max(this.floors[each.key]!, each.number)
      if (how !== 'expire') this.hardFloors[each.key] = Math.max(this.hardFloors[each.key]!, each.number)
    }
    const ofOne = begun.length === 1 ? token : undefined
    await this.#parts.wire.ask(
      'end',
      begun.map(({ key, number }) => ({ key, number, how, at, token: ofOne })),
    )
  }

  async #tell(how: How, key: number, begun: readonly Begun[]): Promise<Outcome> {
    const cache = this.cacheOf(key)
    const name = String(key)
    switch (how) {
      case 'set':
        return this.#set(begun[0]!)
      case 'setMany':
        return this.#setMany(begun)
      case 'barrier':
        return this.#barrier(begun)
      case 'delete':
        return this.#observe(() => cache.delete(name))
      case 'expire':
        return this.#observe(() => cache.expire(name))
      case 'tags':
        return this.#observe(() => cache.invalidateTags([tagOf(key) ?? name]))
      case 'pattern':
        return this.#pattern(`${name}*`, begun)
      case 'clear':
        return this.#observe(() => cache.clear({ hard: this.#parts.random.int(3) === 0 }))
      default:
        return this.#invalidate(begun)
    }
  }

  async #set(begun: Begun): Promise<Outcome> {
    const { random } = this.#parts
    const tag = tagOf(begun.key)
    const { tiers, token } = await this.cacheOf(begun.key).set(String(begun.key), begun, {
      writeMode: random.pick(['through', 'through', 'through', 'behind', 'around']),
      ...(tag === undefined ? {} : { tags: [tag] }),
    })
    return { isApplied: tiers['redis'] === 'applied', token }
  }

  async #setMany(begun: readonly Begun[]): Promise<Outcome> {
    const entries = begun.map((value): [string, Value] => [String(value.key), value])
    const results = await this.cacheOf(begun[0]!.key).setMany(entries)
    return { isApplied: [...results.values()].every(({ tiers }) => tiers['redis'] === 'applied') }
  }

  async #invalidate(begun: readonly Begun[]): Promise<Outcome> {
    const names = begun.map(({ key }) => String(key))
    const { tiers, token } = await this.cacheOf(begun[0]!.key).invalidate(names)
    return { isApplied: tiers['redis'] === 'applied', token }
  }

  /** A pattern removes what is held, and says so when it could not: nothing is owed then. Loads of other processes may still store, until the keys themselves are told. */
  async #pattern(pattern: string, begun: readonly Begun[]): Promise<Outcome> {
    await this.cacheOf(begun[0]!.key)
      .invalidatePattern(pattern)
      .catch((error: unknown) => this.#parts.fail('pattern', error))
    return this.#invalidate(begun)
  }

  async #barrier(begun: readonly Begun[]): Promise<Outcome> {
    const names = begun.map(({ key }) => String(key))
    const { token } = await this.cacheOf(begun[0]!.key).invalidate(names, { barrier: true, timeout: '10s' })
    return { isApplied: true, token }
  }

  async #mutate(key: number): Promise<void> {
    const { wire, random } = this.#parts
    let begun: readonly Begun[] = []
    const outcome = await this.#observe(() =>
      this.cacheOf(key).mutate([String(key)], async () => {
        await sleep(random.int(4))
        begun = await wire.ask('begin', { keys: [key], how: 'mutate' })
        for (const each of begun) this.#note('mutate begins', each)
        await sleep(random.int(4))
      }),
    )
    if (begun.length > 0) await this.#close('mutate', begun, outcome)
  }

  /** For calls that do not say what became of them. */
  async #observe(work: () => Promise<unknown>): Promise<Outcome> {
    const before = this.#troubles
    // A tier that is still being opened is told later, and nothing says so.
    const isOpen = (await this.#parts.manager.health()).bus?.confirmedAgoMs !== undefined
    await work()
    return { isApplied: isOpen && this.#troubles === before && this.#openBreakers.size === 0 }
  }

  #note(what: string, { key, number }: Begun): void {
    const at = monotonicMs()
    this.#parts.observations.note(key, { what, begin: at, end: at, number })
  }
}
