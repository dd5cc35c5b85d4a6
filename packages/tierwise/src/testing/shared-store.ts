import type { Clock, Random } from '../contract/runtime.ts'
import type { TierDefinition } from '../contract/tier.ts'
import { isSoftExpired } from './shared-store/frame.ts'
import { Inbox, type MessageFaults } from './shared-store/inbox.ts'
import { Link } from './shared-store/link.ts'
import type { Message } from './shared-store/message.ts'
import type { Pause, PauseOptions, SharedOperation } from './shared-store/pauses.ts'
import { Server } from './shared-store/server.ts'
import { SharedTier } from './shared-store/shared-tier.ts'
import type { LoggedChange, Member, ServerState } from './shared-store/state.ts'

export type { MessageFaults, Pause, PauseOptions, SharedOperation, LoggedChange }

export interface SharedStoreOptions {
  /** The clock of the store, before `skewMs`. */
  readonly clock: Pick<Clock, 'now'>
  /** Draws the order of shuffled messages. */
  readonly random: Random
  /** Lanes of keys; with more than one, tags have a lane of their own after them. @default 1 */
  readonly lanes?: number
  /** How many changes the log of a lane keeps. @default 10000 */
  readonly logLength?: number
  /** Larger records are refused. @default none */
  readonly maxRecordBytes?: number
}

export interface SharedTierOptions {
  /** @default 'shared' */
  readonly name?: string
  /** After how long without a confirmation an instance serves nothing from memory, which barriers rely on. @default 5000 */
  readonly maxStalenessMs?: number
}

/** What a store holds for a key. */
export interface SharedHead {
  /** Undefined when neither a record nor the mark of a deletion is held. */
  readonly version: number | undefined
  /** `stale`: an invalidation has made it so; the store does not look at the life in the frame. */
  readonly record: 'held' | 'stale' | 'deleted' | 'absent'
  readonly lease: string | undefined
  /** Epoch milliseconds of the store's clock, as `holdUntil`; 0 for none. */
  readonly leaseUntil: number
  readonly holdUntil: number
  readonly fence: number | undefined
  /** Somebody waits for the one who has the lease. */
  readonly isAwaited: boolean
}

export interface SharedMember {
  readonly id: string
  /** The last change that it has written down as applied, for each lane; -1 before it has adopted the lane. */
  readonly progress: readonly number[]
}

/** Everything that a store knows, to go back to. */
export type SharedSnapshot = ServerState

/** One manager's way to the store. */
export interface SharedInstance {
  /** What the store and its log call the instance. */
  readonly id: string
  readonly messages: MessageFaults
  /** Holds up calls from now on. @example const fill = instance.pause('fill'); await fill.reached; fill.resume() */
  pause(operation: SharedOperation, options?: PauseOptions): Pause
  /** Every operation rejects, those under way with an unknown outcome, and messages are lost. */
  cut(): void
  /** Ends `cut`. The instance notices at once, and asks what it has missed. */
  mend(): void
}

/** A shared store in this process, for tests of several managers. */
export interface SharedStore {
  /** How far the store's clock is ahead of the one that it was given; may step back. */
  skewMs: number
  /** In the order in which their managers were created. */
  readonly instances: readonly SharedInstance[]
  readonly members: readonly SharedMember[]
  tier(options?: SharedTierOptions): TierDefinition
  head(key: string): SharedHead
  /** The changes that the log of a lane still has, oldest first. @param lane @default 0 */
  log(lane?: number): readonly LoggedChange[]
  snapshot(): SharedSnapshot
  /** Forgets everything since the snapshot, as a failover or a restored file does. Nobody is told. */
  restore(snapshot: SharedSnapshot): void
  /** Forgets everything. Nobody is told. */
  flush(): void
  /** Forgets the record, with its version, or what is known for a short while: lease, version of the latest change, order. */
  evict(key: string, part: 'record' | 'lease' | 'all'): void
  /** Forgets what a lane counts and remembers: holds, fences and the highest version. Records stay. @param lane @default 0 */
  forgetLane(lane?: number): void
  /** The lease of the key may be given to somebody else from now on. */
  expireLease(key: string): void
  /** Removes records as code outside of this library does: no version, no log, and the instances are told of the names. */
  removeForeign(keys: readonly string[]): void
}

/**
 * A shared store with authority and bus, written as the plainest reading of their contracts: the stand-in for Redis where
 * tests need several managers in one process and every race forced.
 *
 * A call reaches the store with the next microtask and its reply comes back with another; messages travel apart from
 * replies. Pauses and message faults stretch each of these ways. Time and random numbers are the test's, so a schedule
 * repeats exactly.
 *
 * @example
 * const store = sharedStore(runtime)
 * const managers = [1, 2].map(() => createCacheManager({ tiers: [memory(), store.tier()], runtime }))
 * store.instances[1].messages.drop()
 */
export function sharedStore(options: SharedStoreOptions): SharedStore {
  const { clock, random, lanes = 1, logLength = 10_000, maxRecordBytes = Infinity } = options
  return new LocalStore(new Server({ clock, lanes, logLength, maxRecordBytes }), random)
}

class LocalStore implements SharedStore {
  readonly #server: Server
  readonly #random: Random
  readonly #links: Link[] = []

  constructor(server: Server, random: Random) {
    this.#server = server
    this.#random = random
  }

  get skewMs(): number {
    return this.#server.skewMs
  }

  set skewMs(skewMs: number) {
    this.#server.skewMs = skewMs
  }

  get instances(): readonly SharedInstance[] {
    return this.#links
  }

  get members(): readonly SharedMember[] {
    return [...this.#server.state.members].map(([id, { progress }]: [string, Member]) => ({ id, progress }))
  }

  tier({ name = 'shared', maxStalenessMs = 5000 }: SharedTierOptions = {}): TierDefinition {
    return {
      name,
      create: (context) => {
        const inbox = new Inbox<Message>(this.#random)
        this.#server.subscribers.add((message) => inbox.push(message))
        const link = new Link(`instance-${this.#links.length}`, context.name, inbox)
        this.#links.push(link)
        return new SharedTier({ server: this.#server, link, context, maxStalenessMs })
      },
    }
  }

  head(key: string): SharedHead {
    const { held, transient } = this.#server.state
    const live = this.#server.live(key)
    const fallen = held.has(key) && held.get(key)?.bytes === undefined ? 'deleted' : 'absent'
    const { lease, leaseUntil = 0, isAwaited = false } = transient.get(key) ?? {}
    const { holds, fences } = this.#server.memoryOf(key)
    return {
      version: held.get(key)?.version,
      record: live === undefined ? fallen : isSoftExpired(live.bytes) ? 'stale' : 'held',
      lease,
      leaseUntil,
      holdUntil: Math.max(0, ...(holds.get(key)?.values() ?? [])),
      fence: fences.get(key),
      isAwaited,
    }
  }

  log(lane: number = 0): readonly LoggedChange[] {
    return this.#server.logAfter(lane, 0)
  }

  snapshot(): SharedSnapshot {
    return this.#server.snapshot()
  }

  restore(snapshot: SharedSnapshot): void {
    this.#server.restore(snapshot)
  }

  flush(): void {
    this.#server.flush()
  }

  evict(key: string, part: 'record' | 'lease' | 'all'): void {
    if (part !== 'lease') this.#server.state.held.delete(key)
    if (part !== 'record') this.#server.state.transient.delete(key)
  }

  forgetLane(lane: number = 0): void {
    this.#server.forgetLane(lane)
  }

  expireLease(key: string): void {
    this.#server.transientOf(key).leaseUntil = 0
  }

  removeForeign(keys: readonly string[]): void {
    for (const key of keys) this.#server.state.held.delete(key)
    this.#server.publish({ kind: 'touched', keys })
  }
}
