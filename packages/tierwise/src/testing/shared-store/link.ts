import { TierError, type CacheErrorCode } from '../../errors.ts'
import type { Inbox } from './inbox.ts'

/** What an instance asks its store. */
export type SharedOperation =
  | 'get'
  | 'set'
  | 'delete'
  | 'scan'
  | 'clear'
  | 'usage'
  | 'tags'
  | 'acquire'
  | 'fill'
  | 'release'
  | 'change'
  | 'affirm'
  /** The confirm loop of the bus: reads the heads of the lanes, and writes down how far the instance is. */
  | 'poll'
  /** The bus reads what it has missed from the log of a lane. */
  | 'resync'
  | 'barrier'

const reads: ReadonlySet<SharedOperation> = new Set(['get', 'scan', 'usage', 'poll', 'resync', 'barrier'])

export interface PauseOptions {
  /** `before` the store works on the call, or `after`, when only the reply is under way. @default 'after' */
  readonly moment?: 'before' | 'after'
  /** How many calls are held up; later ones pass. @default Infinity */
  readonly calls?: number
  /** Only calls that are about this storage key or mark of a tag. @default all */
  readonly key?: string
}

/** A place where calls wait until the test lets them go on. */
export interface Pause {
  /** Resolves once a call waits here. */
  readonly reached: Promise<void>
  /** Calls that wait here now. */
  readonly waiting: number
  /** Lets the waiting calls go on, and later ones pass. */
  resume(): void
  /** The waiting calls are lost on their way and reject; later ones pass. */
  fail(): void
}

/** The way of one instance to the store and back. */
export class Link {
  readonly id: string
  readonly messages: Inbox
  #state: 'new' | 'open' | 'closed' = 'new'
  #isCut = false
  readonly #name: string
  readonly #pauses = new Set<HeldCalls>()
  readonly #waiting = new Set<() => void>()
  #onMend: () => void = () => {}
  #connections = 1

  constructor(id: string, name: string, inbox: Inbox) {
    this.id = id
    this.#name = name
    this.messages = inbox
  }

  /** A text of its own for each connection that was made. */
  get connection(): string {
    return ` of connection ${this.#connections}`
  }

  get isCut(): boolean {
    return this.#isCut
  }

  /** The work at the store and its result, each after its way, which ends at the next microtask or when a pause does. */
  async call<T>(operation: SharedOperation, keys: readonly string[], work: () => T): Promise<T> {
    await this.#travel(operation, keys, 'before')
    const result = work()
    await this.#travel(operation, keys, 'after')
    return result
  }

  async open(): Promise<void> {
    if (this.#state === 'closed' || this.#isCut) throw this.#failure('open')
    this.#state = 'open'
  }

  close(): void {
    this.#state = 'closed'
    this.messages.unsubscribe()
    this.#failWaiting()
  }

  pause(operation: SharedOperation, options: PauseOptions = {}): Pause {
    const pause = new HeldCalls(operation, options, () => this.#pauses.delete(pause))
    this.#pauses.add(pause)
    return pause
  }

  cut(): void {
    this.#isCut = true
    this.messages.isDeaf = true
    this.#failWaiting()
  }

  mend(): void {
    if (!this.#isCut) return
    this.#isCut = false
    this.#connections++
    this.messages.isDeaf = false
    this.#onMend()
  }

  onMend(run: () => void): void {
    this.#onMend = run
  }

  assertOpen(operation: SharedOperation): void {
    if (this.#state !== 'open') throw this.#failure(operation)
  }

  async #travel(operation: SharedOperation, keys: readonly string[], moment: 'before' | 'after'): Promise<void> {
    await Promise.resolve()
    this.#assertUsable(operation)
    for (const pause of this.#pauses) if (pause.takes(operation, keys, moment)) await this.#wait(operation, pause)
  }

  async #wait(operation: SharedOperation, pause: HeldCalls): Promise<void> {
    let giveUp: () => void = () => {}
    const isLost = await new Promise<boolean>((resolve, reject) => {
      giveUp = () => reject(this.#failure(operation))
      this.#waiting.add(giveUp)
      pause.hold(resolve)
    }).finally(() => this.#waiting.delete(giveUp))
    if (isLost) throw this.#failure(operation)
  }

  #failWaiting(): void {
    for (const giveUp of this.#waiting) giveUp()
  }

  #assertUsable(operation: SharedOperation): void {
    if (this.#isCut) throw this.#failure(operation)
    this.assertOpen(operation)
  }

  #failure(operation: SharedOperation | 'open'): TierError {
    const tier = this.#name
    const why = { new: 'it was not opened', open: 'the connection is lost', closed: 'it is closed' }[this.#state]
    return new TierError(`The tier ${tier} cannot take ${operation}: ${why}`, {
      code: this.#state === 'open' ? lostCode(operation) : 'ERR_CACHE_TIER_CLOSED',
      operation,
      tier,
    })
  }
}

function lostCode(operation: SharedOperation | 'open'): CacheErrorCode {
  if (operation === 'open') return 'ERR_CACHE_TIER_OPEN'
  return reads.has(operation) ? 'ERR_CACHE_TIER_READ' : 'ERR_CACHE_TIER_WRITE'
}

class HeldCalls implements Pause {
  readonly reached: Promise<void>
  readonly #operation: SharedOperation
  readonly #options: PauseOptions
  readonly #end: () => void
  readonly #held: ((isLost: boolean) => void)[] = []
  #left: number
  #reach!: () => void

  constructor(operation: SharedOperation, options: PauseOptions, end: () => void) {
    this.#operation = operation
    this.#options = options
    this.#end = end
    this.#left = options.calls ?? Infinity
    this.reached = new Promise((resolve) => (this.#reach = resolve))
  }

  get waiting(): number {
    return this.#held.length
  }

  takes(operation: SharedOperation, keys: readonly string[], moment: 'before' | 'after'): boolean {
    const { key, moment: wanted = 'after' } = this.#options
    return (
      this.#left > 0 && operation === this.#operation && moment === wanted && (key === undefined || keys.includes(key))
    )
  }

  hold(go: (isLost: boolean) => void): void {
    this.#left--
    this.#held.push(go)
    this.#reach()
  }

  resume(): void {
    this.#finish(false)
  }

  fail(): void {
    this.#finish(true)
  }

  #finish(isLost: boolean): void {
    this.#left = 0
    this.#end()
    for (const go of this.#held.splice(0)) go(isLost)
  }
}
