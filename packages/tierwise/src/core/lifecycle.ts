import type { Emitter } from './emitter.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'

export interface LifecycleParts {
  readonly tiers: readonly GuardedTier[]
  readonly emitter: Emitter
  /** Before any tier is opened: loads the codecs. */
  readonly prepare: () => Promise<void>
  /** After every tier was tried: waits a moment for the proof of what memory will hold. */
  readonly prove: () => Promise<void>
  /** After every tier was tried: entries may record the tag clock now. */
  readonly seal: () => void
}

/** The states of a manager: new until the first use, started, stopped for good. */
export class Lifecycle {
  readonly #parts: LifecycleParts
  #state: 'new' | 'started' | 'stopped' = 'new'
  #opening: Promise<void> | undefined

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  get state(): 'new' | 'started' | 'stopped' {
    return this.#state
  }

  /**
   * Opens every tier on the first call. One that cannot be opened now is tried again when it is used: a cache must not
   * stop a start. Undefined once there is nothing to wait for.
   */
  ready(): Promise<void> | undefined {
    if (this.#state !== 'new') return undefined
    if (this.#opening === undefined) this.#parts.emitter.emit({ type: 'lifecycle', state: 'starting' })
    if (this.#parts.tiers.length === 0) {
      this.#started()
      return undefined
    }
    this.#opening ??= this.#open().then(() => this.#started())
    return this.#opening
  }

  /** No use after this. Resolves once an opening that was under way has ended. */
  async end(): Promise<void> {
    this.#state = 'stopped'
    this.#parts.emitter.emit({ type: 'lifecycle', state: 'stopping' })
    await this.#opening?.catch(() => undefined)
  }

  async #open(): Promise<void> {
    await this.#parts.prepare()
    await Promise.all(this.#parts.tiers.map((tier) => tier.openSoon()))
    // Not while one of them is being opened: the proof may need it.
    await this.#parts.prove()
  }

  #started(): void {
    this.#parts.seal()
    if (this.#state !== 'new') return
    this.#state = 'started'
    this.#parts.emitter.emit({ type: 'lifecycle', state: 'started' })
  }
}
