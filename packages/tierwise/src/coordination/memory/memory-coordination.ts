import { positiveInteger, readOptions, shaped, text } from '../../base/option-reader.ts'
import { systemRuntime } from '../../base/runtime.ts'
import type { CoordinationStore, LimitAnswer, LimitRule, TextSubscription } from '../../contract/coordination.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { giveBack, judge } from '../limit-rules.ts'
import { Collections } from './collections.ts'
import { HeldStates } from './held-states.ts'
import { Tenures } from './tenures.ts'
import { Texts } from './texts.ts'

/** What `memoryCoordination` takes. */
export interface MemoryCoordinationOptions {
  /** Name in messages and metrics. @default 'memory' */
  readonly name?: string
  /** Keys that may be held; one too many is refused. @default 1_000_000 */
  readonly maxKeys?: number
  /** Clock and timers; for tests. @default those of Node */
  readonly runtime?: Partial<Pick<Runtime, 'clock' | 'timers'>>
}

const isObject = (raw: unknown): raw is object => typeof raw === 'object' && raw !== null

const table = { name: text, maxKeys: positiveInteger, runtime: shaped('an object', isObject) }

/**
 * State that the callers in this process agree on, and that ends with it. Steps are functions without an `await`, so each is
 * atomic.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 */
export function memoryCoordination(options: MemoryCoordinationOptions = {}): CoordinationStore {
  const { name = 'memory', maxKeys = 1_000_000 } = readOptions(options, 'memoryCoordination', table)
  const { clock, timers } = { ...systemRuntime(), ...options.runtime }
  return new MemoryCoordination(name, new HeldStates({ name, clock, timers, maxKeys }))
}

class MemoryCoordination implements CoordinationStore {
  readonly capabilities = { shared: false, durable: false }
  readonly name: string
  readonly #states: HeldStates
  readonly #texts: Texts
  readonly #collections: Collections
  readonly #tenures: Tenures
  readonly #listeners = new Map<string, Set<(message: string) => void>>()

  constructor(name: string, states: HeldStates) {
    this.name = name
    this.#states = states
    this.#texts = new Texts(states, name)
    this.#collections = new Collections(states)
    this.#tenures = new Tenures(states, (key) => this.#tell(`released:${key}`, ''))
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {
    this.#listeners.clear()
    this.#states.close()
  }

  read: CoordinationStore['read'] = async (...args) => this.#texts.read(...args)
  write: CoordinationStore['write'] = async (...args) => this.#texts.write(...args)
  remove: CoordinationStore['remove'] = async (...args) => this.#texts.remove(...args)
  add: CoordinationStore['add'] = async (...args) => this.#texts.add(...args)
  raise: CoordinationStore['raise'] = async (...args) => this.#texts.raise(...args)
  enter: CoordinationStore['enter'] = async (...args) => this.#collections.enter(...args)
  contains: CoordinationStore['contains'] = async (...args) => this.#collections.contains(...args)
  leave: CoordinationStore['leave'] = async (...args) => this.#collections.leave(...args)
  size: CoordinationStore['size'] = async (...args) => this.#collections.size(...args)
  members: CoordinationStore['members'] = async (...args) => this.#collections.members(...args)
  setFields: CoordinationStore['setFields'] = async (...args) => this.#collections.setFields(...args)
  fields: CoordinationStore['fields'] = async (...args) => this.#collections.fields(...args)
  rank: CoordinationStore['rank'] = async (...args) => this.#collections.rank(...args)
  ranked: CoordinationStore['ranked'] = async (...args) => this.#collections.ranked(...args)
  unrank: CoordinationStore['unrank'] = async (...args) => this.#collections.unrank(...args)
  acquire: CoordinationStore['acquire'] = async (...args) => this.#tenures.acquire(...args)
  renew: CoordinationStore['renew'] = async (...args) => this.#tenures.renew(...args)
  release: CoordinationStore['release'] = async (...args) => this.#tenures.release(...args)

  async take(
    key: string,
    rule: LimitRule,
    { cost, isPeek = false }: { readonly cost: number; readonly isPeek?: boolean },
  ): Promise<LimitAnswer> {
    const held = this.#states.get(key, 'limit', 'take')
    const { now } = this.#states
    const { answer, state, endsAt } = judge(rule, held?.state, { now, cost })
    if (isPeek)
      return {
        ...judge(rule, held?.state, { now, cost: 0 }).answer,
        allowed: answer.allowed,
        retryAfterMs: answer.retryAfterMs,
      }
    if (answer.allowed && state !== undefined) this.#states.put(key, { kind: 'limit', state, endsAt }, 'take')
    return answer
  }

  async giveBack(key: string, rule: LimitRule, taken: { readonly units: number; readonly at: number }): Promise<void> {
    const held = this.#states.get(key, 'limit', 'giveBack')
    if (held === undefined) return
    const state = giveBack(rule, held.state, { ...taken, now: this.#states.now })
    this.#states.put(key, { ...held, state }, 'giveBack')
  }

  async publish(channel: string, message: string): Promise<void> {
    this.#tell(channel, message)
  }

  async subscribe(channel: string, onMessage: (message: string) => void): Promise<TextSubscription> {
    // A wrapper of its own, so that the same function subscribed twice is told twice.
    const listener = (message: string): void => onMessage(message)
    const listeners = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, listeners.add(listener))
    return {
      close: async () => {
        listeners.delete(listener)
        if (listeners.size === 0) this.#listeners.delete(channel)
      },
    }
  }

  /** Not in the call that tells: a listener must not run in the middle of a step. */
  #tell(channel: string, message: string): void {
    for (const listener of this.#listeners.get(channel) ?? []) queueMicrotask(() => listener(message))
  }
}
