import { Breaker } from '../base/breaker.ts'
import type { BreakerSettings } from '../base/breaker.ts'
import { withDeadline } from '../base/deadline.ts'
import type { Envelope } from '../contract/codec.ts'
import type { BreakerState, TierOperation } from '../contract/events.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { Decode, Tier, TierCapabilities, TierRecord, TierUsage, WriteOutcome } from '../contract/tier.ts'
import { CacheError, TierError, TimeoutError } from '../errors.ts'
import type { Emitter } from './emitter.ts'
import { Intents } from './intents.ts'
import { KeyOrder } from './key-order.ts'
import type { GuardedTagStore } from './tags.ts'

const writes: ReadonlySet<TierOperation> = new Set(['set', 'delete', 'clear', 'tags'])

export interface GuardSettings {
  readonly timeoutMs: number
  readonly breaker: BreakerSettings
  readonly mostIntents: number
}

export interface GuardParts {
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly settings: GuardSettings
  /** Called when the tier is open and before it is used. */
  readonly onOpen: (opened: OpenedTier) => Promise<void>
}

export interface OpenedTier {
  readonly name: string
  readonly highestVersion: number
  readonly tags: GuardedTagStore | undefined
}

/**
 * A tier that cannot hurt: every operation has a deadline, a breaker answers for a tier that keeps failing, and no
 * method rejects. A failed read is a miss; a failed write is told to the caller and remembered as an intent.
 *
 * Reads and writes have breakers of their own: a disk whose writes are slow still answers reads, and those are what
 * keeps an application alive.
 */
export class GuardedTier {
  readonly name: string
  readonly capabilities: TierCapabilities
  readonly intents: Intents
  readonly #reads: Breaker
  readonly #writes: Breaker
  readonly #tier: Tier
  readonly #parts: GuardParts
  readonly #order: KeyOrder | undefined
  #envelope: Envelope | undefined
  #opening: Promise<void> | undefined
  #isOpen = false

  constructor(name: string, tier: Tier, parts: GuardParts) {
    this.name = name
    this.capabilities = tier.capabilities
    this.#tier = tier
    this.#parts = parts
    this.#order = tier.capabilities.versions ? undefined : new KeyOrder()
    const onChange = (state: BreakerState): void => parts.emitter.emit({ type: 'breaker', tier: name, state })
    this.#reads = new Breaker(parts.settings.breaker, parts.runtime.clock, onChange)
    this.#writes = new Breaker(parts.settings.breaker, parts.runtime.clock, onChange)
    this.intents = new Intents(
      {
        name,
        delete: async (keys, version) => (await this.#delete(keys, version)) !== undefined,
        clear: (prefix, version) => this.#clear(prefix, version),
      },
      {
        timers: parts.runtime.timers,
        emitter: parts.emitter,
        settings: { most: parts.settings.mostIntents, retryMs: 1000 },
      },
    )
  }

  /** How records of this tier look; known once the manager has loaded the codec. */
  get envelope(): Envelope {
    if (this.#envelope === undefined)
      throw new TierError(`Tier \`${this.name}\` was used before it was open.`, {
        code: 'ERR_CACHE_TIER_CLOSED',
        tier: this.name,
      })
    return this.#envelope
  }

  useEnvelope(envelope: Envelope): void {
    this.#envelope = envelope
  }

  /** The worse of what holds for reads and for writes. */
  get breakerState(): BreakerState {
    const states = [this.#reads.state, this.#writes.state]
    return states.find((state) => state === 'open') ?? states.find((state) => state === 'half-open') ?? 'closed'
  }

  /** Opens the tier or rejects with a `TierError`; a failed attempt is repeated by the next operation the breaker lets through. */
  open(): Promise<void> {
    this.#opening ??= this.#openOnce().catch((error: unknown) => {
      this.#opening = undefined
      throw this.#failure('open', error, 'ERR_CACHE_TIER_OPEN')
    })
    return this.#opening
  }

  /** As `open`, but gives up waiting at the deadline and never rejects; operations wait for the rest themselves. */
  async openSoon(): Promise<void> {
    await this.#inTime('open', this.open()).catch((error: unknown) => this.#report('open', error))
  }

  async close(): Promise<void> {
    if (this.#isOpen && this.intents.pending > 0) await this.intents.replay()
    this.intents.close()
    if (this.#opening === undefined) return
    await this.#inTime('open', this.#opening).catch(() => undefined)
    await this.#tier.close().catch((error: unknown) => this.#report('close', error))
  }

  /** Results in order; a failure, and every key an intent covers, is `undefined`. */
  async get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]> {
    const believed = (bytes: Uint8Array, index: number): T | undefined =>
      this.intents.pending > 0 && this.intents.covers(keys[index] ?? '') ? undefined : decode(bytes, index)
    return (await this.#guard('get', () => this.#tier.get(keys, believed))) ?? keys.map(() => undefined)
  }

  /** Outcomes in order, or undefined when the tier failed; then each key is kept as an intent. */
  async set(records: readonly TierRecord[], prefix: string): Promise<readonly WriteOutcome[] | undefined> {
    const outcomes = await this.#guard('set', () =>
      this.#ordered(
        records.map((record) => record.key),
        () => this.#tier.set(records),
      ),
    )
    for (const [index, record] of records.entries()) {
      // One above: the write may still arrive after the intent was replayed, and then has to find itself outdated.
      if (outcomes === undefined) this.intents.keep(record.key, prefix, record.version + 1)
      else if (outcomes[index] !== 'refused') this.intents.settle(record.key, record.version)
    }
    return outcomes
  }

  /** Whether each key was held, or undefined when the tier failed; then each key is kept as an intent. */
  async delete(keys: readonly string[], prefix: string, version: number): Promise<readonly boolean[] | undefined> {
    const held = await this.#delete(keys, version)
    for (const key of keys) {
      if (held === undefined) this.intents.keep(key, prefix, version)
      else this.intents.settle(key, version)
    }
    return held
  }

  async clear(prefix: string, version: number): Promise<boolean> {
    const cleared = await this.#clear(prefix, version)
    if (!cleared) this.intents.keepClear(prefix, version)
    return cleared
  }

  /** Rejects with a `TierError` where the tier cannot list or fails: half a listing would be a wrong answer. */
  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    if (!this.capabilities.scan) {
      throw new TierError(
        `Tier \`${this.name}\` cannot list its keys. Use tags, or leave it out with the \`tiers\` option.`,
        { code: 'ERR_CACHE_TIER_READ', tier: this.name, operation: 'scan' },
      )
    }
    try {
      await this.#inTime('open', this.#ready())
      const scan = this.#tier.scan(prefix, decode)[Symbol.asyncIterator]()
      try {
        for (
          let step = await this.#inTime('scan', scan.next());
          step.done !== true;
          step = await this.#inTime('scan', scan.next())
        )
          yield step.value
      } finally {
        // Not awaited: a scan that hangs does not end either.
        scan.return?.().catch((error: unknown) => this.#report('scan', error))
      }
    } catch (error) {
      throw this.#failure('scan', error, 'ERR_CACHE_TIER_READ')
    }
  }

  async usage(): Promise<TierUsage | undefined> {
    return this.#guard('usage', () => this.#tier.usage())
  }

  async #openOnce(): Promise<void> {
    const { highestVersion } = await this.#tier.open()
    await this.#parts.onOpen({ name: this.name, highestVersion, tags: this.#guardedTags() })
    this.#isOpen = true
  }

  async #ready(): Promise<void> {
    if (!this.#isOpen) await this.open()
  }

  #guardedTags(): GuardedTagStore | undefined {
    const { tags } = this.#tier
    return (
      tags && {
        load: () => tags.load(),
        invalidate: (names, atLeast) => this.#guard('tags', () => tags.invalidate(names, atLeast)),
      }
    )
  }

  #delete(keys: readonly string[], version: number): Promise<readonly boolean[] | undefined> {
    if (this.capabilities.readOnly === true) return this.#tier.delete(keys, version)
    return this.#guard('delete', () => this.#ordered(keys, () => this.#tier.delete(keys, version)))
  }

  async #clear(prefix: string, version: number): Promise<boolean> {
    if (this.capabilities.readOnly === true) return this.#tier.clear(prefix, version).then(() => true)
    return (await this.#guard('clear', () => this.#tier.clear(prefix, version).then(() => true))) ?? false
  }

  #ordered<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    return this.#order === undefined ? work() : this.#order.run(keys, work)
  }

  async #guard<T>(operation: TierOperation, work: () => Promise<T>): Promise<T | undefined> {
    const breaker = writes.has(operation) ? this.#writes : this.#reads
    if (!breaker.admits()) return undefined
    try {
      // Most calls find the tier open; they must reach it in the same tick, so that writes keep the order they were made in.
      const running = this.#isOpen ? work() : this.#ready().then(work)
      const result = await this.#inTime(operation, running)
      breaker.succeeded()
      return result
    } catch (error) {
      breaker.failed()
      this.#report(operation, error)
      return undefined
    }
  }

  #inTime<T>(operation: TierOperation, work: Promise<T>): Promise<T> {
    const { settings, runtime } = this.#parts
    return withDeadline(work, settings.timeoutMs, { timers: runtime.timers, error: () => this.#late(operation) })
  }

  #late(operation: TierOperation): TimeoutError {
    return new TimeoutError(
      `Tier \`${this.name}\` did not answer \`${operation}\` within ${this.#parts.settings.timeoutMs} ms. Raise \`tierTimeout\` if this is normal for it.`,
      { code: 'ERR_CACHE_TIER_TIMEOUT', tier: this.name, operation, retryable: true },
    )
  }

  #failure(operation: TierOperation, cause: unknown, code: 'ERR_CACHE_TIER_OPEN' | 'ERR_CACHE_TIER_READ'): CacheError {
    if (cause instanceof CacheError && cause.tier === this.name) return cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new TierError(`Tier \`${this.name}\` failed to ${operation}: ${reason}`, {
      code,
      tier: this.name,
      operation,
      cause,
      retryable: true,
    })
  }

  #report(operation: TierOperation, error: unknown): void {
    this.#parts.emitter.emit({ type: 'tier-error', tier: this.name, operation, error })
  }
}
