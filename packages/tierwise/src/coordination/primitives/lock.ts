import { randomUUID } from 'node:crypto'
import { duration } from '../../base/option-reader.ts'
import type { Tenure, TextSubscription } from '../../contract/coordination.ts'
import type { Duration } from '../../contract/options.ts'
import type { Clock, Timers } from '../../contract/runtime.ts'
import { AbortedError, TimeoutError } from '../../errors.ts'
import type { Keys } from '../keys.ts'
import type { AnswerSource, Steps } from '../steps.ts'
import { Holding, type HeldLock } from './holding.ts'
import { Wakeups } from './wakeups.ts'

/** How to wait for a lock. */
export interface AcquireOptions {
  /** How long to stand in the line. @default that of the lock */
  readonly wait?: Duration
  /** Ends the wait. */
  readonly signal?: AbortSignal
}

/**
 * One holder at a time, as far as a store can promise it. A process that stands still for longer than the `ttl` does not
 * know that it lost the lock: what must not be written by two at once has to check the `fence`.
 */
export interface Lock {
  /** Undefined when somebody holds it or waits for it. */
  tryAcquire(id: string): Promise<HeldLock | undefined>
  /**
   * Waits in a line: who came first is first.
   *
   * @throws TimeoutError ERR_CACHE_LOCK_TIMEOUT after `wait`
   * @throws AbortedError ERR_CACHE_ABORTED
   * @throws TierError ERR_CACHE_UNAVAILABLE
   */
  acquire(id: string, options?: AcquireOptions): Promise<HeldLock>
  /** Holds it while the work runs. The work is given the lock, whose `signal` says that it was lost. */
  run<T>(id: string, work: (lock: HeldLock) => T | Promise<T>, options?: AcquireOptions): Promise<T>
}

/** In milliseconds. */
export interface LockSettings {
  /** How long it outlives a process that died. Renewed at a third of it. */
  readonly ttlMs: number
  readonly waitMs: number
}

export interface LockParts {
  readonly keys: Keys
  readonly steps: Steps
  readonly settings: LockSettings
  readonly clock: Clock
  readonly timers: Timers
  /** Every lock that is held, so that a stop can give them up. */
  readonly held: Set<HeldLock>
  readonly onLost: (id: string) => void
}

/** A place in the line is kept this long, so one who died holds up the others no longer. */
const placeMs = 2000
/** How often those in the line ask when nothing wakes them. */
const askEveryMs = 600

export class StoredLock implements Lock {
  readonly #parts: LockParts

  constructor(parts: LockParts) {
    this.#parts = parts
  }

  async tryAcquire(id: string): Promise<HeldLock | undefined> {
    const key = this.#parts.keys.of(id, 'tryAcquire')
    const owner = randomUUID()
    const asked = await this.#ask({ key, owner, placeMs: 0 })
    return asked.tenure.kind === 'granted'
      ? this.#hold(id, { key, owner, ...asked, fence: asked.tenure.fence })
      : undefined
  }

  async acquire(id: string, { wait, signal }: AcquireOptions = {}): Promise<HeldLock> {
    const key = this.#parts.keys.of(id, 'acquire')
    const waitMs = wait === undefined ? this.#parts.settings.waitMs : duration(wait, 'wait')
    return this.#wait(id, { key, waitMs, signal })
  }

  async run<T>(id: string, work: (lock: HeldLock) => T | Promise<T>, options?: AcquireOptions): Promise<T> {
    const lock = await this.acquire(id, options)
    try {
      return await work(lock)
    } finally {
      // The lock ends by itself if this cannot end it; the work was done.
      await lock.release().catch(() => false)
    }
  }

  async #wait(
    id: string,
    {
      key,
      waitMs,
      signal,
    }: { readonly key: string; readonly waitMs: number; readonly signal: AbortSignal | undefined },
  ): Promise<HeldLock> {
    const { clock, timers, steps } = this.#parts
    const owner = randomUUID()
    const endsAt = clock.now() + waitMs
    const wakeups = new Wakeups(timers)
    let listening: TextSubscription | undefined
    let source: Asked['source'] = 'store'
    try {
      for (;;) {
        throwIfAborted(signal)
        const leftMs = endsAt - clock.now()
        const asked = await this.#ask({ key, owner, placeMs: Math.max(0, Math.min(leftMs, placeMs)) })
        source = asked.source
        if (asked.tenure.kind === 'granted') return this.#hold(id, { key, owner, ...asked, fence: asked.tenure.fence })
        if (leftMs <= 0) throw this.#late(waitMs)
        // Listen first, then ask once more: it may have been released in between.
        if (listening === undefined) {
          const wake = (): void => wakeups.wake()
          listening = await steps.follow(asked.source, 'subscribe', (store) =>
            store.subscribe(`released:${key}`, wake, wake),
          )
          continue
        }
        await wakeups.next(Math.min(leftMs, askEveryMs, Math.max(1, asked.tenure.leftMs)), signal)
      }
    } catch (error) {
      // Out of the line; nobody is told when this fails, for a place ends by itself.
      await steps.follow(source, 'release', (store) => store.release(key, owner)).catch(() => false)
      throw error
    } finally {
      await listening?.close()
    }
  }

  async #ask({
    key,
    owner,
    placeMs: waitMs,
  }: {
    readonly key: string
    readonly owner: string
    readonly placeMs: number
  }): Promise<Asked> {
    const { clock, steps, settings } = this.#parts
    const askedAt = clock.now()
    const { answer, source } = await steps.takeFrom('acquire', (store) =>
      store.acquire(key, owner, { ttlMs: settings.ttlMs, waitMs }),
    )
    return { tenure: answer, source: source === 'local' ? 'local' : 'store', askedAt }
  }

  #hold(
    id: string,
    {
      key,
      owner,
      fence,
      askedAt,
      source,
    }: Omit<Asked, 'tenure'> & { readonly key: string; readonly owner: string; readonly fence: number },
  ): HeldLock {
    const { steps, settings, clock, timers, held, onLost } = this.#parts
    const holding = new Holding(
      {
        fence,
        ttlMs: settings.ttlMs,
        clock,
        timers,
        renew: () => steps.follow(source, 'renew', (store) => store.renew(key, owner, settings.ttlMs)),
        release: () => steps.follow(source, 'release', (store) => store.release(key, owner)),
        onLost: () => onLost(id),
        onEnd: () => held.delete(holding),
      },
      askedAt,
    )
    held.add(holding)
    return holding
  }

  #late(waitMs: number): TimeoutError {
    return new TimeoutError(`The lock was not free within ${waitMs} ms.`, {
      code: 'ERR_CACHE_LOCK_TIMEOUT',
      operation: 'acquire',
      retryable: true,
    })
  }
}

interface Asked {
  readonly tenure: Tenure
  readonly source: Exclude<AnswerSource, 'assumed'>
  readonly askedAt: number
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new AbortedError('The wait for a lock was aborted.', {
    code: 'ERR_CACHE_ABORTED',
    operation: 'acquire',
    cause: signal.reason,
  })
}
