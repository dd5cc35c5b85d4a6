import type { Envelope, WrittenBytes } from '../../contract/codec.ts'
import type { BreakerState, GuardedKind, TierOperation } from '../../contract/events.ts'
import type { OperationStats } from '../../contract/analytics.ts'
import type { Bus } from '../../contract/bus.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { Decode, Tier, TierCapabilities, TierRecord, TierUsage, WriteOutcome } from '../../contract/tier.ts'
import type { Emitter } from '../emitter.ts'
import type { GuardSettings } from './guard-options.ts'
import { Intents } from '../journal/intents.ts'
import type { GuardedNotes, Journal } from '../journal/journal.ts'
import { GuardedAuthority } from './guarded-authority.ts'
import { TierError } from '../../errors.ts'
import { KeyOrder } from './key-order.ts'
import { scanFailure, unlisted } from './scan-failure.ts'
import { RawTier } from '../raw/raw-tier.ts'
import type { Instant } from '../raw/raw-tier.ts'
import type { GuardedTagStore } from '../tags/tag-keeper.ts'
import { TierGuard } from './tier-guard.ts'

export interface GuardParts {
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly settings: GuardSettings
  /** Whether it is noted how long operations take. */
  readonly hasStatistics: boolean
  readonly mostIntents: number
  readonly nextVersion: () => number
  /** Tells all processes that the entries of this prefix are not valid any more; whether that is certain. */
  readonly forget: (prefix: string) => Promise<boolean>
  /** Where intents are written down, if a tier of the chain keeps notes. */
  readonly journal: Journal | undefined
  /** Called when the tier is open and before it is used. */
  readonly onOpen: (opened: OpenedTier) => Promise<void>
}

export interface GuardedTierParts extends GuardParts {
  /** The tier whose plain keys these are. */
  readonly viewOf?: GuardedTier
  /** What they start with. */
  readonly plainPrefix?: string
}

export interface OpenedTier {
  readonly name: string
  readonly highestVersion: number
  readonly tags: GuardedTagStore | undefined
}

/** The plain keys of a raw namespace. */
export interface RawView {
  readonly envelope: Envelope
  readonly now: () => Instant
  /** What they start with. */
  readonly plainPrefix: string
}

/** Keys removed at once where a clear has to list them. */
const clearBatch = 500

/**
 * A tier that cannot hurt: no method rejects but those of `open` and `scan`, and none takes longer than its deadline. A
 * failed read is a miss; a failed write is told to the caller and remembered as an intent. See `TierGuard` for how.
 *
 * The plain keys of a raw namespace are a view of the same tier, behind the same guard, with an envelope and intents of
 * their own.
 */
export class GuardedTier {
  readonly name: string
  readonly capabilities: TierCapabilities
  readonly intents: Intents
  /** Gives versions and leases to the fleet, where the store can; not for plain keys. */
  readonly authority: GuardedAuthority | undefined
  readonly #tier: Tier
  readonly #guard: TierGuard
  readonly #parts: GuardParts
  readonly #order: KeyOrder | undefined
  readonly #views: GuardedTier[] = []
  /** Of what it is a view. */
  readonly #whole: GuardedTier | undefined
  #envelope: Envelope | undefined
  #lastUsage: TierUsage | undefined

  constructor(name: string, tier: Tier, parts: GuardedTierParts) {
    this.name = name
    this.capabilities = tier.capabilities
    this.#tier = tier
    this.#parts = parts
    this.#whole = parts.viewOf
    this.#order = tier.capabilities.versions ? undefined : new KeyOrder()
    const { runtime, emitter, settings, hasStatistics } = parts
    this.#guard =
      parts.viewOf === undefined
        ? new TierGuard({ name, runtime, emitter, settings, hasStatistics, open: () => this.#open() })
        : parts.viewOf.#guard
    this.intents = new Intents(
      {
        name,
        delete: (keys, version) => this.#deleteOwed(keys, version),
        clear: (prefix, version) => this.#clearOwed(prefix, version),
      },
      {
        timers: runtime.timers,
        emitter,
        settings: { most: parts.mostIntents, retryMs: 1000 },
        log: parts.journal?.logOf(name, parts.plainPrefix),
      },
    )
    this.authority =
      tier.authority && new GuardedAuthority(tier.authority, { guard: this.#guard, intents: this.intents })
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

  get bus(): Bus | undefined {
    return this.#whole === undefined ? this.#tier.bus : undefined
  }

  /** Notes of this host that outlive the process, where the tier keeps them. */
  get notes(): GuardedNotes | undefined {
    const { notes } = this.#tier
    if (notes === undefined) return undefined
    return {
      names: (prefix) => notes.names(prefix),
      get: (name) => notes.get(name),
      save: async (name, bytes) => {
        if (this.#guard.refuses('notes')) return false
        return (await this.#guard.run('notes', () => notes.set(name, bytes).then(() => true))) === true
      },
    }
  }

  /** Whether some of its keys can fail while others are answered. */
  get hasParts(): boolean {
    return this.#tier.partOf !== undefined
  }

  /** Keys with different numbers may fail apart. */
  partOf(key: string): number {
    return this.#tier.partOf?.(key) ?? 0
  }

  /** Whether it can keep plain keys. */
  get canBeRaw(): boolean {
    return this.#tier.raw !== undefined
  }

  get isRaw(): boolean {
    return this.#whole !== undefined
  }

  /** How far the clock of the store is ahead, in milliseconds, as far as is known. */
  get clockOffsetMs(): number | undefined {
    return this.#tier.clockOffsetMs
  }

  get breakerStates(): Readonly<Record<GuardedKind, BreakerState>> {
    return this.#guard.breakerStates
  }

  get stats(): Readonly<Partial<Record<TierOperation, OperationStats>>> {
    return this.#guard.stats
  }

  /** Invalidations that are owed, those of plain keys included. */
  get owed(): number {
    return this.#views.reduce((sum, view) => sum + view.intents.pending, this.intents.pending)
  }

  /** Its plain keys, for one raw namespace; undefined when it has none. */
  rawView(view: RawView): GuardedTier | undefined {
    const { raw: store } = this.#tier
    if (store === undefined) return undefined
    const tier = new RawTier({ store, capabilities: this.capabilities, now: view.now })
    const guarded = new GuardedTier(this.name, tier, {
      ...this.#parts,
      viewOf: this,
      plainPrefix: view.plainPrefix,
    })
    guarded.useEnvelope(view.envelope)
    this.#views.push(guarded)
    return guarded
  }

  /** Opens the tier or rejects with a `TierError`; a failed attempt is repeated by the next operation the breaker lets through. */
  open(): Promise<void> {
    return this.#guard.opening.open()
  }

  /** As `open`, but gives up waiting at the deadline and never rejects. */
  async openSoon(): Promise<void> {
    await this.#guard.opening.soon(false)
  }

  async close(): Promise<void> {
    const parts = [this, ...this.#views]
    const { opening } = this.#guard
    if (opening.isOpen) for (const { intents } of parts) if (intents.pending > 0) await intents.replay()
    for (const { intents } of parts) intents.close()
    await Promise.all(parts.map(({ intents }) => intents.saved()))
    const wasTried = opening.wasTried
    await this.#guard.close()
    if (!wasTried) return
    await this.#guard.inTime('close', this.#tier.close()).catch((error: unknown) => this.#guard.report('close', error))
  }

  /** Results in order; a failure, of which `onFailure` is told, and whatever an intent covers, is `undefined`. */
  get<T extends { readonly version: number }>(
    keys: readonly string[],
    decode: Decode<T>,
    onFailure?: () => void,
  ): Promise<readonly (T | undefined)[]> {
    if (this.#guard.refuses('get')) return Promise.resolve(nothing(keys, onFailure))
    const believed = (bytes: Uint8Array, index: number, version?: number): T | undefined => {
      const found = decode(bytes, index, version)
      return found !== undefined && this.believes(keys[index] ?? '', found.version) ? found : undefined
    }
    return this.#guard
      .run('get', () => this.#tier.get(keys, believed))
      .then((found: readonly (T | undefined)[] | undefined) => found ?? nothing(keys, onFailure))
  }

  /** Whether a record may be used, as far as what the tier has not heard of goes. The version of a plain value says nothing. */
  believes(key: string, version: number): boolean {
    return this.intents.isIdle || !this.intents.covers(key, this.isRaw ? -Infinity : version)
  }

  /** Outcomes in order, or undefined when the tier failed; then each key is kept as an intent. */
  set(records: readonly TierRecord[], prefix: string): Promise<readonly WriteOutcome[] | undefined> {
    if (this.#guard.refuses('set')) return this.#owe(records, prefix)
    return this.#set(records).then((outcomes) => {
      if (outcomes === undefined) return this.#owe(records, prefix)
      for (let at = 0; at < records.length; at++) {
        const { key, version } = records[at]!
        if (outcomes[at] !== 'refused') this.intents.settle(key, version)
      }
      return outcomes
    })
  }

  /** Whether each key was held, or undefined when the tier failed; then each key is kept as an intent. */
  async delete(keys: readonly string[], prefix: string, version: number): Promise<readonly boolean[] | undefined> {
    const held = await this.#delete(keys, version)
    for (const key of keys) {
      if (held === undefined) this.intents.keep(key, prefix, version)
      else this.intents.settle(key, version)
    }
    if (held === undefined) await this.intents.saved()
    return held
  }

  async clear(prefix: string, version: number): Promise<boolean> {
    const cleared = await this.#clear(prefix, version)
    if (cleared) return true
    this.intents.keepClear(prefix, version)
    await this.intents.saved()
    return false
  }

  /** Rejects with a `TierError` where the tier cannot list or fails: half a listing would be a wrong answer. */
  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    const { opening } = this.#guard
    if (!this.capabilities.scan)
      throw unlisted(this.name, {
        why: 'cannot list its keys. Use tags, or leave it out with the `tiers` option.',
        retryable: false,
      })
    // Whatever the breakers say: who asks for a listing needs the answer or the failure, and does so rarely.
    if (!opening.isOpen && !(await opening.soon(true)))
      throw unlisted(this.name, { why: 'is not open.', retryable: true })
    try {
      const scan = this.#tier.scan(prefix, decode)[Symbol.asyncIterator]()
      try {
        for (
          let step = await this.#guard.inTime('scan', scan.next());
          step.done !== true;
          step = await this.#guard.inTime('scan', scan.next())
        )
          yield step.value
      } finally {
        // Not awaited: a scan that hangs does not end either.
        scan.return?.().catch((error: unknown) => this.#guard.report('scan', error))
      }
    } catch (error) {
      throw scanFailure(this.name, error)
    }
  }

  /** Asked in the background, so it waits for a probe too. */
  async usage(): Promise<TierUsage | undefined> {
    const usage = await this.#guard.run('usage', () => this.#tier.usage(), true)
    if (usage !== undefined) this.#lastUsage = usage
    return usage
  }

  /** What it held when it was last asked. */
  get lastUsage(): TierUsage | undefined {
    return this.#lastUsage
  }

  /** What values became in its bytes. */
  get written(): WrittenBytes | undefined {
    return this.#envelope?.written
  }

  async #open(): Promise<void> {
    const { highestVersion } = await this.#tier.open()
    await this.#parts.onOpen({ name: this.name, highestVersion, tags: this.#guardedTags() })
  }

  #guardedTags(): GuardedTagStore | undefined {
    const { tags } = this.#tier
    return (
      tags && {
        tier: this.name,
        shared: this.capabilities.shared,
        load: () => tags.load(),
        refresh: (after) => this.#guard.run('tags', () => tags.load(after)),
        invalidate: (names, atLeast) => this.#guard.run('tags', () => tags.invalidate(names, atLeast)),
      }
    )
  }

  /** One above: the write may still arrive after the intent was replayed, and then has to find itself outdated. */
  #owe(records: readonly TierRecord[], prefix: string): Promise<undefined> {
    for (const { key, version } of records) this.intents.keep(key, prefix, version + 1)
    return this.intents.saved().then(() => undefined)
  }

  #set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[] | undefined> {
    if (this.#order === undefined) return this.#guard.run('set', () => this.#tier.set(records))
    const keys = records.map((record) => record.key)
    return this.#guard.run('set', () => this.#ordered(keys, () => this.#tier.set(records)))
  }

  async #delete(keys: readonly string[], version: number, isPatient = false): Promise<readonly boolean[] | undefined> {
    if (this.capabilities.readOnly === true) return this.#tier.delete(keys, version)
    if (this.#guard.refuses('delete')) return undefined
    return this.#guard.run('delete', () => this.#ordered(keys, () => this.#tier.delete(keys, version)), isPatient)
  }

  /** Where others have to hear of it, it is announced. */
  async #deleteOwed(keys: readonly string[], version: number): Promise<boolean> {
    if (this.authority === undefined) return (await this.#delete(keys, this.#asVersion(version), true)) !== undefined
    return this.authority.removeOwed(keys, this.#parts.nextVersion)
  }

  async #clearOwed(prefix: string, version: number): Promise<boolean> {
    if (this.authority !== undefined && !(await this.#parts.forget(prefix))) return false
    return this.#clear(prefix, this.#asVersion(version))
  }

  /** A store that is told infinity takes nothing any more. */
  #asVersion(version: number): number {
    return version === Infinity ? this.#parts.nextVersion() : version
  }

  async #clear(prefix: string, version: number): Promise<boolean> {
    if (this.capabilities.readOnly === true) return this.#tier.clear(prefix, version).then(() => true)
    if (this.isRaw) return this.#clearByListing(prefix, version)
    if (this.#guard.refuses('clear')) return false
    return (await this.#guard.run('clear', () => this.#tier.clear(prefix, version).then(() => true), true)) ?? false
  }

  async #clearByListing(prefix: string, version: number): Promise<boolean> {
    try {
      let batch: string[] = []
      for await (const key of this.scan(prefix, (bytes) => this.envelope.head(bytes).key)) {
        if (batch.push(key) < clearBatch) continue
        if ((await this.#delete(batch, version, true)) === undefined) return false
        batch = []
      }
      return batch.length === 0 || (await this.#delete(batch, version, true)) !== undefined
    } catch (error) {
      this.#guard.report('clear', error)
      return false
    }
  }

  #ordered<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    return this.#order === undefined ? work() : this.#order.run(keys, work)
  }
}

function nothing(keys: readonly string[], onFailure?: () => void): readonly undefined[] {
  onFailure?.()
  return Array.from(keys, () => undefined)
}
