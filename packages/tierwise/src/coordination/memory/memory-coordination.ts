import { positiveInteger, readOptions, shaped, text } from '../../base/option-reader.ts'
import { systemRuntime } from '../../base/runtime.ts'
import type { CoordinationStore } from '../../contract/coordination.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { TierError } from '../../errors.ts'
import { Channels } from './channels.ts'
import { Collections } from './collections.ts'
import { HeldStates } from './held-states.ts'
import { Limits } from './limits.ts'
import { Tenures } from './tenures.ts'
import { Texts } from './texts.ts'

/** What `memoryCoordination` takes. */
export interface MemoryCoordinationOptions {
  /** Name in messages and metrics. @default 'memory' */
  readonly name?: string
  /** Keys that may be held; a step that would begin one more is refused. @default 1_000_000 */
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

interface Parts {
  readonly texts: Texts
  readonly collections: Collections
  readonly tenures: Tenures
  readonly limits: Limits
  readonly channels: Channels
}

class MemoryCoordination implements CoordinationStore {
  readonly name: string
  readonly capabilities = { shared: false, durable: false }
  readonly #states: HeldStates
  readonly #parts: Parts
  #isClosed = false

  constructor(name: string, states: HeldStates) {
    this.name = name
    this.#states = states
    const channels = new Channels()
    this.#parts = {
      texts: new Texts(states, name),
      collections: new Collections(states),
      tenures: new Tenures(states, (key) => channels.tell(`released:${key}`, '')),
      limits: new Limits(states),
      channels,
    }
  }

  async open(): Promise<void> {
    this.#of('open')
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#parts.channels.close()
    this.#states.close()
  }

  read: CoordinationStore['read'] = async (...args) => this.#of('read').texts.read(...args)
  write: CoordinationStore['write'] = async (...args) => this.#of('write').texts.write(...args)
  remove: CoordinationStore['remove'] = async (...args) => this.#of('remove').texts.remove(...args)
  add: CoordinationStore['add'] = async (...args) => this.#of('add').texts.add(...args)
  raise: CoordinationStore['raise'] = async (...args) => this.#of('raise').texts.raise(...args)
  enter: CoordinationStore['enter'] = async (...args) => this.#of('enter').collections.enter(...args)
  contains: CoordinationStore['contains'] = async (...args) => this.#of('contains').collections.contains(...args)
  leave: CoordinationStore['leave'] = async (...args) => this.#of('leave').collections.leave(...args)
  size: CoordinationStore['size'] = async (...args) => this.#of('size').collections.size(...args)
  members: CoordinationStore['members'] = async (...args) => this.#of('members').collections.members(...args)
  setFields: CoordinationStore['setFields'] = async (...args) => this.#of('setFields').collections.setFields(...args)
  fields: CoordinationStore['fields'] = async (...args) => this.#of('fields').collections.fields(...args)
  rank: CoordinationStore['rank'] = async (...args) => this.#of('rank').collections.rank(...args)
  ranked: CoordinationStore['ranked'] = async (...args) => this.#of('ranked').collections.ranked(...args)
  unrank: CoordinationStore['unrank'] = async (...args) => this.#of('unrank').collections.unrank(...args)
  acquire: CoordinationStore['acquire'] = async (...args) => this.#of('acquire').tenures.acquire(...args)
  renew: CoordinationStore['renew'] = async (...args) => this.#of('renew').tenures.renew(...args)
  release: CoordinationStore['release'] = async (...args) => this.#of('release').tenures.release(...args)
  take: CoordinationStore['take'] = async (...args) => this.#of('take').limits.take(...args)
  giveBack: CoordinationStore['giveBack'] = async (...args) => this.#of('giveBack').limits.giveBack(...args)
  publish: CoordinationStore['publish'] = async (...args) => this.#of('publish').channels.tell(...args)
  subscribe: CoordinationStore['subscribe'] = async (channel, onMessage) =>
    this.#of('subscribe').channels.listen(channel, onMessage)

  #of(operation: string): Parts {
    if (!this.#isClosed) return this.#parts
    throw new TierError(`Coordination store \`${this.name}\` was closed.`, {
      code: 'ERR_CACHE_TIER_CLOSED',
      tier: this.name,
      operation,
      retryable: false,
    })
  }
}
