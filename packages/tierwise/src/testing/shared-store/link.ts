import { TierError } from '../../errors.ts'
import type { Inbox } from './inbox.ts'
import type { Message } from './message.ts'
import { lostCode, Pauses, type Pause, type PauseOptions, type SharedOperation } from './pauses.ts'

/** The way of one instance to the store and back. */
export class Link {
  readonly id: string
  readonly messages: Inbox<Message>
  #state: 'new' | 'open' | 'closed' = 'new'
  #isCut = false
  readonly #name: string
  readonly #pauses = new Pauses()
  #onMend: () => void = () => {}
  #connections = 1

  constructor(id: string, name: string, inbox: Inbox<Message>) {
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
    this.#pauses.failWaiting()
  }

  pause(operation: SharedOperation, options?: PauseOptions): Pause {
    return this.#pauses.add(operation, options)
  }

  cut(): void {
    this.#isCut = true
    this.messages.isDeaf = true
    this.#pauses.failWaiting()
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
    for (const pause of this.#pauses.at(operation, keys, moment))
      await this.#pauses.wait(pause, () => this.#failure(operation))
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
