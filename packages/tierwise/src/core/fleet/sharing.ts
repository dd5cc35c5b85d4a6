import type { LaneProofs } from './lane-proofs.ts'
import type { Arrivals } from './arrivals.ts'
import { loseEntry } from './lost-entry.ts'
import type { GuardedAuthority } from '../guard/guarded-authority.ts'
import type { LocalSpace } from '../../contract/tier.ts'

export interface SharingParts {
  readonly proofs: LaneProofs
  readonly arrivals: Arrivals
  /** Undefined where the shared store gives neither versions nor leases. */
  readonly authority: GuardedAuthority | undefined
  /** Name of the tier that is the authority. */
  readonly tier: string | undefined
  /** How long ago what is served may have been superseded; `Infinity` for `eventual`. */
  readonly maxStalenessMs: number
  readonly leaseMs: number
  readonly holdMs: number
  readonly coldMs: number
  readonly space: LocalSpace | undefined
  readonly now: () => number
  /** Versions below this one were given before changes of the lane may have been missed. */
  readonly floorOf: (storageKey: string) => number
}

/** How one namespace agrees with other processes: who gives versions and leases, and what this process may serve by itself. */
export class Sharing {
  readonly arrivals: Arrivals
  readonly authority: GuardedAuthority | undefined
  readonly tier: string | undefined
  readonly leaseMs: number
  /** How long a guarded write may take; after that a crash of its process no longer keeps others from storing. */
  readonly holdMs: number
  /** How far reads of the source may lag: as long as a store that has lost its memory may have forgotten a fence that matters. */
  readonly coldMs: number
  readonly #parts: SharingParts
  /** Keys whose values this process has read from their source while nothing was confirmed, and until when they do. */
  readonly #provisional = new Map<string, number>()

  constructor(parts: SharingParts) {
    this.#parts = parts
    this.arrivals = parts.arrivals
    this.authority = parts.authority
    this.tier = parts.tier
    this.leaseMs = parts.leaseMs
    this.holdMs = parts.holdMs
    this.coldMs = parts.coldMs
    this.update()
  }

  get isBounded(): boolean {
    return this.#parts.maxStalenessMs !== Infinity
  }

  /** Whether what memory holds of a key may be served. */
  mayServe(key: string, storageKey: string, now: number): boolean {
    // protocol P3 serve-proved: what is not proved may have been superseded long ago
    return this.#isProved(storageKey, now) || now < (this.#provisional.get(key) ?? -Infinity)
  }

  /** Whether an entry of another tier of this process may be served. */
  mayServeLocal(storageKey: string, version: number, now: number): boolean {
    // protocol P3 local-floor: what a local tier held before a loss may be older than what was missed
    return version >= this.#parts.floorOf(storageKey) && this.#isProved(storageKey, now)
  }

  /** Whether all invalidations of tags are known that were made longer ago than the bound. */
  knowsTags(now: number): boolean {
    // protocol P3 tags-proved: an invalidation of a tag may have been missed
    return now < this.#parts.proofs.ofTags + this.#parts.maxStalenessMs || !this.isBounded
  }

  /**
   * A value that was read from its source at `readAt` while nothing is confirmed: what supersedes it is not older than
   * that, so it is good for as long as a proof from that instant would be.
   */
  provide(key: string, readAt: number): void {
    // protocol P3 provisional-life: what supersedes the value may be as old as the start of its load
    if (this.isBounded) this.#provisional.set(key, readAt + this.#parts.maxStalenessMs)
  }

  isProvided(key: string): boolean {
    return this.#provisional.has(key)
  }

  forget(key: string): void {
    this.#provisional.delete(key)
  }

  /** The proofs have changed. What was only provisional is stale from now on: it has no version by which a change could find it older. */
  update(): void {
    const { space, proofs, maxStalenessMs, now } = this.#parts
    if (this.#provisional.size > 0 && proofs.oldest !== -Infinity) {
      if (space !== undefined) for (const key of this.#provisional.keys()) loseEntry(space, key, now())
      this.#provisional.clear()
    }
    // protocol P3 servable-until: the hit itself looks at nothing else
    if (space !== undefined) space.servableUntil = this.isBounded ? proofs.oldest + maxStalenessMs : Infinity
  }

  /** The proof of the key is gone or too old, and it is not certain that it comes back soon. */
  isUnproved(storageKey: string, now: number): boolean {
    return !this.#isProved(storageKey, now)
  }

  #isProved(storageKey: string, now: number): boolean {
    return !this.isBounded || now < this.#parts.proofs.ofKey(storageKey) + this.#parts.maxStalenessMs
  }
}
