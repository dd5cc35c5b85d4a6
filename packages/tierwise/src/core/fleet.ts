import type { BarrierResult, Bus, BusChange, BusListener, BusPosition, KeyChange, TagChange } from '../contract/bus.ts'
import type { BusHealth } from '../contract/analytics.ts'
import type { Timers } from '../contract/runtime.ts'
import { TimeoutError } from '../errors.ts'
import { Arrivals } from './arrivals.ts'
import type { Emitter } from './emitter.ts'
import { applyForeign, loseKeys } from './foreign-change.ts'
import type { GuardedTier } from './guarded-tier.ts'
import { LaneProofs } from './lane-proofs.ts'
import type { Namespace } from './namespace.ts'
import type { TagTable } from './tags.ts'

export interface FleetParts {
  readonly timers: Timers
  readonly emitter: Emitter
  readonly tagTable: TagTable
  /** The tier whose bus it is. */
  readonly tier: GuardedTier
  readonly bus: Bus
  /** Tiers of this process alone, or of its host: they hear of changes only through it. */
  readonly localTiers: readonly GuardedTier[]
  readonly now: () => number
  /** Now, on the scale of the versions. */
  readonly instant: () => number
}

/** This process among others: applies what the bus tells to everything that the process holds. */
export class Fleet implements BusListener {
  readonly proofs: LaneProofs
  readonly arrivals: Arrivals
  readonly tier: GuardedTier
  readonly #parts: FleetParts
  readonly #namespaces = new Map<string, Namespace>()
  readonly #floors: number[] = []
  /** Lanes that were lost just now. */
  readonly #lost = new Set<number>()
  /** Counts the times that the lane of the tags was lost. */
  #tagLosses = 0
  #areTagsKnown = true
  /** A proof that waits for them. */
  #tagsConfirmedAt = -Infinity
  #tagsKnownUntil = -Infinity
  #learning: Promise<boolean> | undefined

  constructor(parts: FleetParts) {
    this.#parts = parts
    this.tier = parts.tier
    this.proofs = new LaneProofs(parts.bus)
    this.arrivals = new Arrivals(parts.timers)
  }

  start(resume?: string): void {
    this.#parts.bus.start(this, resume)
  }

  stop(): Promise<void> {
    return this.#parts.bus.stop()
  }

  /** Resolves once everybody has applied the changes, or may not serve from memory. */
  async barrier(positions: readonly BusPosition[], timeoutMs: number): Promise<BarrierResult> {
    try {
      return await this.#parts.bus.barrier(positions, timeoutMs)
    } catch (cause) {
      throw new TimeoutError(
        `It could not be found out within ${timeoutMs} ms whether all instances have applied the invalidation. It is made and announced; those that have not applied it serve nothing from memory that is older than their \`maxStaleness\`.`,
        { code: 'ERR_CACHE_BARRIER', operation: 'invalidate', tier: this.tier.name, retryable: true, cause },
      )
    }
  }

  /** Asks the shared tiers what was invalidated; whether that is known now. Calls at the same time share an answer. */
  learnTags(): Promise<boolean> {
    if (this.#parts.now() < this.#tagsKnownUntil) return Promise.resolve(true)
    const askedAt = this.#parts.now()
    this.#learning ??= this.#parts.tagTable.refresh().then((isKnown) => {
      this.#learning = undefined
      if (isKnown) this.#tagsKnownUntil = askedAt + tagRetryMs
      return isKnown
    })
    return this.#learning
  }

  get health(): BusHealth {
    const { oldest } = this.proofs
    const confirmedAgoMs = oldest === -Infinity ? undefined : this.#parts.now() - oldest
    return { tier: this.tier.name, confirmedAgoMs }
  }

  register(ns: Namespace): void {
    this.#namespaces.set(ns.prefix, ns)
  }

  /** What local tiers hold of the key is proved only from this version on. */
  floorOf(storageKey: string): number {
    return this.#floors[this.#parts.bus.laneOf(storageKey)] ?? 0
  }

  changed(_: number, changes: readonly BusChange[]): void {
    for (const change of changes) {
      if (change.kind === 'tags') this.#applyTags(change)
      else this.#applyKey(change)
    }
    this.#tellLocalTiers(changes)
  }

  lost(lane: number): void {
    const { bus, instant } = this.#parts
    if (this.proofs.lose(lane)) this.#parts.emitter.emit({ type: 'bus', tier: this.tier.name, state: 'lost', lane })
    this.#floors[lane] = instant()
    this.#update()
    if (this.#lost.size === 0) queueMicrotask(() => this.#dropLost())
    this.#lost.add(lane)
    if (lane === bus.tagLane) this.#loseTags()
  }

  confirmed(lane: number, instant: number): void {
    if (this.#lost.has(lane)) this.#dropLost()
    if (lane === this.#parts.bus.tagLane && !this.#areTagsKnown) this.#tagsConfirmedAt = instant
    else {
      if (this.proofs.confirm(lane, instant))
        this.#parts.emitter.emit({ type: 'bus', tier: this.tier.name, state: 'confirmed', lane })
      this.#update()
    }
  }

  arrived(key: string): void {
    this.arrivals.wake(key)
  }

  touched(keys: readonly string[]): void {
    const framed: string[] = []
    for (const key of keys) {
      const ns = this.#namespaceOf(key)
      if (ns === undefined) continue
      if (ns.isRaw) applyForeign(ns, key.slice(ns.prefix.length), { version: Infinity })
      else if (ns.concerns(key.slice(ns.prefix.length))) framed.push(key)
    }
    if (framed.length > 0) void this.#lookAgain(framed)
  }

  /** For all lanes that were lost together at once: every key has to be looked at. Until then none of them is served. */
  #dropLost(): void {
    const { bus } = this.#parts
    const lost = new Set(this.#lost)
    this.#lost.clear()
    if (lost.size === 0) return
    const isLost = (storageKey: string): boolean => lost.has(bus.laneOf(storageKey))
    for (const ns of this.#namespaces.values()) loseKeys(ns, bus.lanes === 1 ? undefined : isLost)
    this.arrivals.wakeAll()
  }

  #update(): void {
    for (const ns of this.#namespaces.values()) ns.sharing?.update()
  }

  #applyKey({ key, operation, version }: KeyChange): void {
    const ns = this.#namespaceOf(key)
    if (ns?.sharing !== undefined)
      applyForeign(ns, key.slice(ns.prefix.length), { version, isExpiry: operation === 'expire' })
  }

  #applyTags({ names, clock }: TagChange): void {
    this.#parts.tagTable.learn({ clock, marks: new Map(names.map((name) => [name, clock])) })
  }

  /** By version, so that what was stored there since is spared. */
  #tellLocalTiers(changes: readonly BusChange[]): void {
    const { localTiers } = this.#parts
    if (localTiers.length === 0) return
    for (const change of changes) {
      if (change.kind === 'tags') continue
      const prefix = prefixOf(change.key)
      for (const tier of localTiers) void tier.delete([change.key], prefix, change.version)
    }
  }

  /** The lane is not confirmed before the shared tiers have said what was invalidated. */
  #loseTags(): void {
    const loss = ++this.#tagLosses
    this.#areTagsKnown = false
    this.#tagsConfirmedAt = -Infinity
    void this.#parts.tagTable.refresh().then((isKnown) => {
      if (loss !== this.#tagLosses) return
      if (isKnown) this.#knowTags()
      else this.#parts.timers.after(tagRetryMs, () => loss === this.#tagLosses && this.#loseTags())
    })
  }

  #knowTags(): void {
    this.#areTagsKnown = true
    this.confirmed(this.#parts.bus.tagLane, this.#tagsConfirmedAt)
  }

  /**
   * Code outside of this library, or a fill of our own, has changed records. Their names say nothing of versions, so
   * the store is asked for them.
   */
  async #lookAgain(keys: readonly string[]): Promise<void> {
    const held = await this.tier.get(keys, (_, __, version) => ({ version: version ?? Infinity }))
    for (const [at, key] of keys.entries()) {
      const ns = this.#namespaceOf(key)
      if (ns !== undefined) applyForeign(ns, key.slice(ns.prefix.length), held[at] ?? { version: Infinity })
    }
  }

  #namespaceOf(key: string): Namespace | undefined {
    const known = this.#namespaces.get(prefixOf(key))
    if (known !== undefined) return known
    for (const ns of this.#namespaces.values()) if (ns.isRaw && key.startsWith(ns.prefix)) return ns
    return undefined
  }
}

const tagRetryMs = 250

/** `tw:1:factors:` of `tw:1:factors:steel`; see `storagePrefix`. */
function prefixOf(key: string): string {
  const first = key.indexOf(':')
  const second = key.indexOf(':', first + 1)
  return key.slice(0, key.indexOf(':', second + 1) + 1)
}
