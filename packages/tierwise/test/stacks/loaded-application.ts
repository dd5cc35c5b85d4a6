import { setTimeout as sleep } from 'node:timers/promises'

import type { Cache, CacheManager } from '../../src/contract/cache.ts'
import type { CacheEventOf, GuardedKind } from '../../src/contract/events.ts'
import type { CacheManagerOptions } from '../../src/contract/options.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { seededRandom, type SeededRandom } from '../../src/testing/index.ts'

/** What the source holds: the key, and how often it was changed. */
export interface Answer {
  readonly key: string
  readonly at: number
}

export interface ApplicationOptions extends CacheManagerOptions {
  readonly seed: number
  /** @default 4 */
  readonly callers?: number
}

const keyCount = 200
/** Callers leave the processor to the servers for so long between two calls. */
const restMs = 8

/**
 * An application under load: callers that read, load, write and remove without an end over 200 keys of a source, and
 * notes of what they were answered. The source counts the changes of each key, so an answer says how old it is.
 */
export class LoadedApplication {
  readonly manager: CacheManager
  readonly cache: Cache<Answer>
  /** Calls that rejected, and answers older than what this application had confirmed before it asked. */
  readonly faults: string[] = []
  readonly transitions: CacheEventOf<'breaker'>[] = []
  /** Operations of tiers that failed, which the callers do not notice. */
  readonly tierErrors: string[] = []
  readonly #random: SeededRandom
  readonly #source = new Map<string, number>()
  readonly #confirmed = new Map<string, number>()
  readonly #latencies: number[] = []
  readonly #hits = new Map<string, number>()
  readonly #callers: number
  #longestGapMs = 0
  #hitAt = performance.now()
  #isRunning = false
  #running: Promise<unknown> = Promise.resolve()

  constructor({ seed, callers = 4, ...options }: ApplicationOptions) {
    this.#random = seededRandom(seed)
    this.#callers = callers
    this.manager = createCacheManager(options)
    this.manager.on('breaker', (event) => void this.transitions.push(event))
    this.manager.on('tier-error', ({ operation, error }) => this.tierErrors.push(`${operation}: ${String(error)}`))
    this.manager.on('hit', ({ key, tier }) => tier !== 'memory' && this.#noteHit(key))
    this.cache = this.manager.namespace('app')
  }

  /** Opens the tiers and lets the callers work. */
  async start(): Promise<void> {
    await this.manager.start()
    this.#isRunning = true
    this.#running = Promise.all(Array.from({ length: this.#callers }, () => this.#call()))
  }

  /** Lets every caller end its call. */
  async rest(): Promise<void> {
    this.#isRunning = false
    await this.#running
  }

  async stop(): Promise<void> {
    await this.rest()
    await this.manager.stop()
  }

  get calls(): number {
    return this.#latencies.length
  }

  get loads(): number {
    return this.manager.analytics().overall.loads
  }

  /** Resolves when so many keys of those that `isMeant` names were answered by a tier behind memory from now on. */
  async hits(count: number, isMeant: (key: string) => boolean = () => true): Promise<void> {
    this.#hits.clear()
    await until(() => [...this.#hits.keys()].filter(isMeant).length >= count, `${count} hits`)
  }

  /** Resolves when the callers have made so many calls from now on. */
  async made(count: number): Promise<void> {
    const enough = this.calls + count
    await until(() => this.calls >= enough, `${count} calls`)
  }

  /** The states of a breaker, in order. */
  states(kind: GuardedKind): readonly string[] {
    return this.transitions.filter((event) => event.kind === kind).map(({ state }) => state)
  }

  async isWell(): Promise<boolean> {
    return (await this.manager.health()).healthy
  }

  /** What the callers went through since the last such report. */
  report(): string {
    const sorted = this.#latencies.toSorted((one, other) => one - other)
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0
    const worst = sorted.at(-1) ?? 0
    return `${sorted.length} calls, p99 ${p99.toFixed(1)} ms, longest ${worst.toFixed(0)} ms; ${Math.round(this.#longestGapMs)} ms without a hit, ${this.loads} loads; breakers ${this.#history()}`
  }

  /** Changes the source of a key, tells the cache, and remembers that this was confirmed. */
  async change(key: string, tell: (answer: Answer) => Promise<unknown>): Promise<void> {
    const at = (this.#source.get(key) ?? 0) + 1
    this.#source.set(key, at)
    await tell({ key, at })
    this.#confirmed.set(key, Math.max(at, this.#confirmed.get(key) ?? 0))
  }

  /** Reads by one of the ways there are, and checks the answer. */
  async see(key: string, read: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
    const floor = this.#confirmed.get(key) ?? 0
    const seen = await read()
    const newest = this.#source.get(key) ?? 0
    if (seen !== undefined && (seen.key !== key || seen.at < floor || seen.at > newest))
      this.faults.push(`${key} was answered ${JSON.stringify(seen)}, and ${floor} to ${newest} are right`)
    return seen
  }

  /** What a loader brings. */
  async load(key: string): Promise<Answer> {
    const answer = { key, at: this.#source.get(key) ?? 0 }
    await sleep(1)
    return answer
  }

  async #call(): Promise<void> {
    while (this.#isRunning) {
      const key = `k${this.#random.int(keyCount)}`
      const startedAt = performance.now()
      try {
        await this.#one(key)
      } catch (error) {
        this.faults.push(`a call for ${key} rejected: ${String(error)}`)
      }
      this.#latencies.push(performance.now() - startedAt)
      await sleep(this.#random.int(2 * restMs))
    }
  }

  async #one(key: string): Promise<unknown> {
    const draw = this.#random.int(20)
    if (draw < 11) return this.see(key, () => this.cache.getOrSet(key, () => this.load(key)))
    if (draw < 14) return this.see(key, () => this.cache.get(key))
    if (draw < 15) return this.#seeMany(Array.from({ length: 12 }, () => `k${this.#random.int(keyCount)}`))
    if (draw < 18) return this.change(key, (answer) => this.cache.set(key, answer))
    return this.change(key, () => this.cache.delete(key))
  }

  /** One command for keys of a slot that may be on its way elsewhere. */
  async #seeMany(keys: readonly string[]): Promise<void> {
    const found = this.cache.getMany(keys)
    await Promise.all(keys.map((key) => this.see(key, async () => (await found).get(key))))
  }

  #noteHit(key: string): void {
    const now = performance.now()
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#hitAt)
    this.#hitAt = now
    this.#hits.set(key, now)
  }

  #history(): string {
    const kinds = ['open', 'read', 'write', 'remove'] as const
    const seen = kinds.filter((kind) => this.states(kind).length > 0)
    return seen.map((kind) => `${kind}: ${this.states(kind).join(' ')}`).join('; ') || 'never opened'
  }
}

/** Polls, because what is waited for happens in other processes. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  { withinMs = 20_000 }: { readonly withinMs?: number } = {},
): Promise<void> {
  const endsAt = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > endsAt) throw new Error(`Waited ${withinMs} ms in vain for ${what}`)
    await sleep(10)
  }
}
