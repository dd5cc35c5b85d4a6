import type {
  BarrierResult,
  Bus,
  BusChange,
  BusListener,
  BusPosition,
  KeyChange,
  TagChange,
} from '../../contract/bus.ts'
import type { BusHealth } from '../../contract/health.ts'
import type { Timers } from '../../contract/runtime.ts'
import { TimeoutError } from '../../errors.ts'
import { Arrivals } from './arrivals.ts'
import type { Emitter } from '../emitter.ts'
import { applyForeign, loseKeys } from './foreign-change.ts'
import type { GuardedTier } from '../guard/guarded-tier.ts'
import type { Journal } from '../journal/journal.ts'
import { PlaceKeeper } from '../journal/journal-place.ts'
import { LaneProofs } from './lane-proofs.ts'
import { LocalTiers, prefixOf } from './local-tiers.ts'
import type { Namespace } from '../namespace.ts'
import type { TagTable } from '../tags/tags.ts'
import { Underway } from './underway.ts'

export interface FleetParts {
  readonly timers: Timers
  readonly emitter: Emitter
  readonly tagTable: TagTable
  /** The tier whose bus it is; undefined for one that belongs to no tier. */
  readonly tier: GuardedTier | undefined
  readonly bus: Bus
  /** Tiers of this process alone, or of its host: they hear of changes only through it. */
  readonly localTiers: readonly GuardedTier[]
  /** Where it is noted how far they have heard, if one of them keeps notes. */
  readonly journal: Journal | undefined
  /** Whether acknowledged writes have not reached their tiers yet. */
  readonly hasPendingWrites: () => boolean
  readonly now: () => number
  /** Makes later versions of this process larger. */
  readonly observe: (version: number) => void
  /** Larger than every version that this process has seen. */
  readonly nextVersion: () => number
}

/** This process among others: applies what the bus tells to everything that the process holds. */
export class Fleet implements BusListener {
  readonly proofs: LaneProofs
  readonly arrivals: Arrivals
  readonly tier: GuardedTier | undefined
  readonly #parts: FleetParts
  readonly #namespaces = new Map<string, Namespace>()
  readonly #localTiers: LocalTiers
  readonly #ownChanges = new Underway()
  readonly #places: PlaceKeeper | undefined
  #floors: number[] = []
  /** How often each lane was lost. */
  readonly #losses: number[] = []
  #state: 'new' | 'started' | 'stopped' = 'new'
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
    this.#localTiers = new LocalTiers(parts.localTiers)
    this.#places = parts.journal && this.#keepPlaces(parts.journal)
  }

  /** Goes on from where the last process on this host has left the local tiers, if that was noted. Idempotent. */
  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'started'
    const { journal, bus } = this.#parts
    if (journal === undefined) bus.start(this)
    else journal.whenKnown(() => this.#resume())
  }

  /** Resolves with the first proof of all lanes, or after `ms`: until then memory answers nothing. */
  firstProof(ms: number): Promise<void> {
    const isAwaited = this.#state === 'started' && this.proofs.oldest === -Infinity
    return isAwaited ? this.arrivals.wait(firstProof, ms) : Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#state = 'stopped'
    await this.#parts.bus.stop()
    await this.#places?.stop()
  }

  /** A change that this process makes, from before it is sent until the last tier has answered. */
  followOwn(change: Promise<unknown>): void {
    if (this.#places !== undefined) this.#ownChanges.follow(change)
  }

  /** Resolves once everybody has applied the changes, or may not serve from memory. */
  async barrier(positions: readonly BusPosition[], timeoutMs: number): Promise<BarrierResult> {
    try {
      return await this.#parts.bus.barrier(positions, timeoutMs)
    } catch (cause) {
      throw new TimeoutError(
        `It could not be found out within ${timeoutMs} ms whether all instances have applied the invalidation. It is made and announced; those that have not applied it serve nothing from memory that is older than their \`maxStaleness\`.`,
        { code: 'ERR_CACHE_BARRIER', operation: 'invalidate', retryable: true, cause },
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
    return { tier: this.tier?.name, confirmedAgoMs }
  }

  /** Tells the others, where the shared store does not do that itself. */
  announce(changes: readonly BusChange[]): void {
    this.#parts.bus.announce?.(changes)
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
    // protocol P1 local-told: a tier of this process hears of changes in no other way
    this.#localTiers.tell(changes, (change) => this.#holdReads(change))
  }

  /** Until what this returns is called nothing older is read of the key: a local tier that has not heard yet may still give it. */
  #holdReads({ key, version }: KeyChange): () => void {
    const ns = this.#namespaceOf(key)
    if (ns === undefined) return () => undefined
    const name = key.slice(ns.prefix.length)
    // protocol P1 local-slow: a tier of this process may still give what this change made old
    ns.tickets.beginChange(name, version)
    return () => ns.tickets.endChange(name, version)
  }

  lost(lane: number): void {
    const { bus, nextVersion } = this.#parts
    // protocol P3 loss-unproves: changes may have been missed
    if (this.proofs.lose(lane)) this.#parts.emitter.emit({ type: 'bus', tier: this.tier?.name, state: 'lost', lane })
    // protocol P3 loss-floor: what local tiers hold may be older than a change that was missed
    this.#floors[lane] = nextVersion()
    this.#losses[lane] = this.#lossesOf(lane) + 1
    this.#update()
    if (this.#lost.size === 0) queueMicrotask(() => this.#dropLost())
    this.#lost.add(lane)
    // protocol P3 loss-of-tags: invalidations of tags may have been missed
    if (lane === bus.tagLane) this.#loseTags()
  }

  /** What was told before has to reach the local tiers first: they would go on to answer what it has made old. */
  confirmed(lane: number, instant: number): void {
    // protocol P3 loss-before-proof: the proof would make servable again what was lost before it
    if (this.#lost.has(lane)) this.#dropLost()
    const untaken = this.#localTiers.untaken.settled()
    if (untaken === undefined) return this.#confirm(lane, instant)
    const losses = this.#lossesOf(lane)
    // protocol P3 lost-meanwhile: the proof is older than the loss
    void untaken.then(() => losses === this.#lossesOf(lane) && this.#confirm(lane, instant))
  }

  #confirm(lane: number, instant: number): void {
    // protocol P3 tags-asked: the lane says what is invalidated from here on, not what was
    if (lane === this.#parts.bus.tagLane && !this.#areTagsKnown) this.#tagsConfirmedAt = instant
    else {
      if (this.proofs.confirm(lane, instant))
        this.#parts.emitter.emit({ type: 'bus', tier: this.tier?.name, state: 'confirmed', lane })
      this.#update()
      if (this.proofs.oldest !== -Infinity) this.arrivals.wake(firstProof)
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

  #keepPlaces(journal: Journal): PlaceKeeper {
    const { timers, tier, bus, hasPendingWrites } = this.#parts
    return new PlaceKeeper({
      journal,
      timers,
      tier: tier?.name ?? 'bus',
      localTiers: this.#localTiers,
      ownChanges: this.#ownChanges,
      hasPendingWrites,
      now: () => ({
        position: bus.position(),
        floors: Array.from({ length: bus.lanes }, (_, lane) => this.#floors[lane] ?? 0),
      }),
    })
  }

  #resume(): void {
    if (this.#state === 'stopped') return
    const { bus } = this.#parts
    const place = this.#places?.load(bus.lanes)
    this.#floors = [...(place?.floors ?? [])]
    bus.start(this, place?.position)
    this.#places?.start()
  }

  #lossesOf(lane: number): number {
    return this.#losses[lane] ?? 0
  }

  /** For all lanes that were lost together at once: every key has to be looked at. Until then none of them is served. */
  #dropLost(): void {
    const { bus } = this.#parts
    const lost = new Set(this.#lost)
    this.#lost.clear()
    if (lost.size === 0) return
    const isLost = (storageKey: string): boolean => lost.has(bus.laneOf(storageKey))
    // protocol P3 loss-drops: what was read before the loss may be older than a change that was missed
    for (const ns of this.#namespaces.values()) loseKeys(ns, bus.lanes === 1 ? undefined : isLost)
    this.arrivals.wakeAll((key) => key !== firstProof)
  }

  #update(): void {
    for (const ns of this.#namespaces.values()) ns.sharing?.update()
  }

  #applyKey({ key, operation, version }: KeyChange): void {
    this.#parts.observe(version)
    const ns = this.#namespaceOf(key)
    if (ns?.sharing !== undefined)
      applyForeign(ns, key.slice(ns.prefix.length), { version, isExpiry: operation === 'expire' })
  }

  #applyTags({ names, clock }: TagChange): void {
    this.#parts.tagTable.learn({ clock, marks: new Map(names.map((name) => [name, clock])) })
  }

  /** The lane is not confirmed before the shared tiers have said what was invalidated. */
  #loseTags(): void {
    const loss = ++this.#tagLosses
    this.#areTagsKnown = false
    this.#tagsConfirmedAt = -Infinity
    void this.#parts.tagTable.refresh().then((isKnown) => {
      // protocol P3 tags-lost-again: the answer is older than the last loss
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
    const held = await this.tier?.get(keys, (_, __, version) => ({ version: version ?? Infinity }))
    for (const [at, key] of keys.entries()) {
      const ns = this.#namespaceOf(key)
      if (ns !== undefined) applyForeign(ns, key.slice(ns.prefix.length), held?.[at] ?? { version: Infinity })
    }
  }

  #namespaceOf(key: string): Namespace | undefined {
    const known = this.#namespaces.get(prefixOf(key))
    if (known !== undefined) return known
    for (const ns of this.#namespaces.values()) if (ns.isRaw && key.startsWith(ns.prefix)) return ns
    return undefined
  }
}

/** Not a storage key, which has a colon. */
const firstProof = 'first proof'

const tagRetryMs = 250
