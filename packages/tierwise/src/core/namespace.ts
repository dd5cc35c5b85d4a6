import { KeyCounter } from '../base/key-counter.ts'
import type { VersionSource } from '../contract/authority.ts'
import type { EntryHead } from '../contract/entry.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { Coherence } from '../contract/options.ts'
import type { LocalSpace } from '../contract/tier.ts'
import { CacheError } from '../errors.ts'
import { Governor } from '../governance/governor.ts'
import type { Background } from './background.ts'
import type { Emitter } from './emitter.ts'
import { demotionTier } from './demotion-tier.ts'
import { Failures } from './failures.ts'
import { FlightTable } from './flight.ts'
import type { Fleet } from './fleet/fleet.ts'
import type { Flight } from './flight.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import { storagePrefix } from './key.ts'
import { policyOfKey } from './policy.ts'
import type { NamespacePolicy, Policy } from './policy.ts'
import type { Sharing } from './fleet/sharing.ts'
import type { KeySamples } from '../statistics/key-samples.ts'
import type { Statistics } from './statistics.ts'
import { Stats } from './stats.ts'
import type { NamespaceTags, TagTable } from './tags/tags.ts'
import { TickReads } from './tick-reads.ts'
import { TicketBook } from './tickets.ts'
import type { WriteBehind } from './write-behind.ts'

/** Caps the refreshes of a process; shared by all namespaces of a manager. */
export interface RefreshBudget {
  running: number
  readonly most: number
}

/** What all namespaces of a manager share. */
export interface Engine {
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly versions: VersionSource
  /** The other processes that share a tier with this one; undefined where none of the tiers tells of them. */
  readonly fleet: Fleet | undefined
  readonly background: Background
  readonly tagTable: TagTable
  readonly writeBehind: WriteBehind
  readonly refreshes: RefreshBudget
  /** Times, windows and samples; undefined when they are not kept. */
  readonly statistics: Statistics | undefined
  readonly prefix: string
  /** Resolves once every tier has been opened or has failed to; undefined when that is behind us. */
  ready(): Promise<void> | undefined
  readonly isStopped: boolean
}

/** The memory tier as a namespace sees it. */
export interface LocalPart {
  readonly name: string
  readonly space: LocalSpace
}

export interface NamespaceParts {
  readonly local: LocalPart | undefined
  readonly tiers: readonly GuardedTier[]
  readonly tags: NamespaceTags
  readonly sharing: Sharing | undefined
  readonly samples: KeySamples | undefined
}

/** The state of one namespace: what the paths of reading, loading, writing and invalidating work on. */
export class Namespace {
  readonly name: string
  readonly policy: NamespacePolicy
  readonly engine: Engine
  readonly local: LocalPart | undefined
  /** The tiers behind memory, fastest first. */
  readonly tiers: readonly GuardedTier[]
  readonly prefix: string
  /** Where entries go for which memory has no room; undefined where they just go. */
  readonly demotion: GuardedTier | undefined
  readonly tags: NamespaceTags
  readonly tickets: TicketBook = new TicketBook()
  readonly reads: TickReads = new TickReads()
  readonly flights: FlightTable = new FlightTable()
  /** Every flight that has not ended, detached ones too: `stop` aborts them. */
  readonly running: Set<Flight> = new Set()
  /** Keys whose loaded values are on their way into the tiers; no listing shows them yet. */
  readonly filling: KeyCounter = new KeyCounter()
  readonly failures: Failures
  readonly stats: Stats = new Stats()
  /** Which of its keys are read; undefined without `statistics`. */
  readonly samples: KeySamples | undefined
  /** Looks whether its rules are kept. */
  readonly governor: Governor
  /** How it agrees with other processes; undefined where this process decides alone. */
  readonly sharing: Sharing | undefined

  constructor(engine: Engine, policy: NamespacePolicy, parts: NamespaceParts) {
    this.name = policy.name
    this.policy = policy
    this.engine = engine
    this.local = parts.local
    this.tiers = parts.tiers
    this.prefix = policy.raw?.keyPrefix ?? storagePrefix(engine.prefix, policy.version, policy.name)
    this.demotion = demotionTier(policy, parts.tiers)
    this.tags = parts.tags
    this.sharing = parts.sharing
    this.samples = parts.samples
    this.failures = new Failures(engine.runtime.clock)
    const { emitter } = engine
    this.governor = new Governor(policy.name, policy.mode, (event) => {
      if (emitter.listens(event.type)) emitter.emit(event)
    })
  }

  /** What this process and others promise each other. */
  get coherence(): Coherence {
    if (this.sharing === undefined) return 'off'
    return this.sharing.isBounded ? 'bounded' : 'eventual'
  }

  /** Keeps plain keys and plain values, which other code may change. */
  get isRaw(): boolean {
    return this.policy.raw !== undefined
  }

  now(): number {
    return this.engine.runtime.clock.now()
  }

  /** What holds for the key: the first key rule that it fits, else the policy of the namespace. */
  policyOf(key: string): NamespacePolicy {
    return policyOfKey(this.policy, key)
  }

  /** When an entry that comes to a tier now leaves it: at the end of its life, or of its stay there. */
  endIn(tier: string, { usableUntil }: EntryHead): number {
    const stayMs = this.policy.tierTtlMs.get(tier)
    return stayMs === undefined ? usableUntil : Math.min(usableUntil, this.now() + stayMs)
  }

  storageKey(key: string): string {
    return this.prefix + key
  }

  /** Whether what this call does concerns the authority: its tier is in play. */
  sharesWith(policy: Policy): boolean {
    const tier = this.sharing?.tier
    return tier !== undefined && (policy.tiers === undefined || policy.tiers.includes(tier))
  }

  /** One of its tiers. */
  tierOf(name: string | undefined): GuardedTier {
    const tier = this.tiers.find((each) => each.name === name)
    if (tier === undefined) throw new TypeError(`Namespace ${this.name} has no tier ${String(name)}`)
    return tier
  }

  /** Whether what memory holds of the key may be served: it is proved to be current enough. */
  mayServe(key: string): boolean {
    return this.sharing === undefined || this.sharing.mayServe(key, this.storageKey(key), this.now())
  }

  /** Whether anything in this process depends on the key. */
  concerns(key: string): boolean {
    return this.local?.space.find(key) !== undefined || this.tickets.isOpen(key) || this.flights.has(key)
  }

  /** Memory, if the policy lets this call use it. */
  localFor(policy: Policy): LocalPart | undefined {
    if (this.local === undefined || policy.tiers === undefined) return this.local
    return policy.tiers.includes(this.local.name) ? this.local : undefined
  }

  tiersFor(policy: Policy): readonly GuardedTier[] {
    const names = policy.tiers
    return names === undefined ? this.tiers : this.tiers.filter((tier) => names.includes(tier.name))
  }

  /**
   * Resolves once the tiers are open; undefined when there is nothing to wait for. Throws once the manager has stopped.
   * All verbs that change something wait for it in the same way, or they would overtake each other.
   */
  ready(operation: string): Promise<void> | undefined {
    if (this.engine.isStopped) throw stopped(operation, this.name)
    return this.engine.ready()
  }
}

export function stopped(operation: string, namespace: string): CacheError {
  return new CacheError('The cache manager has been stopped. Create a new one to go on.', {
    code: 'ERR_CACHE_STOPPED',
    operation,
    namespace,
  })
}
