import { randomUUID } from 'node:crypto'
import type { CacheManager } from '../contract/cache.ts'
import type { Runtime, Timer } from '../contract/runtime.ts'
import { Claims } from './claims.ts'
import type { ResolvedOnce } from './options.ts'
import { pause } from './pauses.ts'

/** `mine`: this process warms. The others as the outcome of a warming. */
export type Turn = 'mine' | 'elsewhere' | 'skipped'

/** Lets one process of the fleet warm, and another one when that dies. */
export class Once {
  readonly #claims: Claims
  readonly #once: ResolvedOnce
  readonly #runtime: Runtime
  #renewals: Timer | undefined

  constructor(manager: CacheManager, once: ResolvedOnce, runtime: Runtime) {
    this.#claims = new Claims(manager, { owner: randomUUID(), ttlMs: once.takeoverMs })
    this.#once = once
    this.#runtime = runtime
  }

  /** Resolves when it is clear whose turn it is; undefined when the signal was aborted before that. */
  async turn(signal: AbortSignal, onWait: () => void): Promise<Turn | undefined> {
    const { name, others, takeoverMs } = this.#once
    while (!signal.aborted) {
      if (await this.#claims.isDone(name)) return 'elsewhere'
      if (await this.#claims.take(name)) {
        if (!(await this.#claims.isDone(name))) return 'mine'
        // The one before has finished in between.
        await this.#claims.release(name)
        return 'elsewhere'
      }
      if (others === 'skip') return 'skipped'
      onWait()
      await pause(takeoverMs / 5, { timers: this.#runtime.timers, signal })
    }
    return undefined
  }

  /** Holds the claim until `end`; tells when it is lost, because this process stood still for too long. */
  hold(onLoss: () => void): void {
    const { name, takeoverMs } = this.#once
    let isRenewing = false
    this.#renewals = this.#runtime.timers.every(takeoverMs / 4, () => {
      if (isRenewing) return
      isRenewing = true
      void this.#claims
        .renew(name)
        // A store that cannot be asked says nothing of others.
        .catch(() => true)
        .then((isHeld) => {
          isRenewing = false
          if (!isHeld && this.#renewals !== undefined) onLoss()
        })
    })
  }

  /** Stops to hold the claim. What is not done is for the next process. */
  async end(isDone: boolean): Promise<void> {
    this.#renewals?.cancel()
    this.#renewals = undefined
    const { name, forMs } = this.#once
    // After the stop of the manager nothing can be said; the claim then runs out by itself.
    await (isDone ? this.#claims.markDone(name, forMs) : Promise.resolve())
      .then(() => this.#claims.release(name))
      .catch(() => undefined)
  }
}
