import type { BusPosition } from './bus.ts'

/**
 * Gives versions where the chain has no shared tier that does: the process itself. Its versions strictly increase.
 */
export interface VersionSource {
  nextVersion(): number
  /** Now, on the scale of the versions. */
  instant(): number
  /** Makes the next version larger than `version`. */
  observe(version: number): void
}

export interface LeaseRequest {
  /** Storage key. */
  readonly key: string
  /** How long nobody else is let in, in milliseconds. The lease stays good until somebody else has taken it. */
  readonly leaseMs: number
  /** A fresh record counts only if it is newer than this version: a refresh is after something newer. @default -Infinity */
  readonly newerThan?: number | undefined
  /** Take the lease even from a process that is loading; its fill is then refused. @default false */
  readonly isForced?: boolean | undefined
  /**
   * Take the lease from an earlier request of this process, whose load is over or whose answer was lost: nobody would
   * bring what is waited for. @default false
   */
  readonly replacesOwn?: boolean | undefined
  /**
   * `held` as long as the store remembers less than this, in milliseconds: one that has lost its memory may have lost
   * holds and fences with it. @default 0
   */
  readonly coldMs?: number | undefined
}

/**
 * `granted`: load, and fill with this lease. `busy`: another process loads; its lease runs out in `leftMs`. `held`: the
 * source is being changed; load, and keep the value nowhere. `fresh`: a fresh record has arrived; read again. Who loads is
 * told the `fence`: the version of the source that the load has to read at least; undefined for any.
 */
export type LeaseAnswer =
  | { readonly kind: 'granted'; readonly lease: string; readonly fence?: number | undefined }
  | { readonly kind: 'busy'; readonly leftMs: number }
  | { readonly kind: 'held'; readonly leftMs: number; readonly fence?: number | undefined }
  | { readonly kind: 'fresh' }

export interface HeldLease {
  readonly key: string
  readonly lease: string
}

/** A value on its way from a loader, or from a tier further down. */
export interface Fill extends HeldLease {
  /** A frame; the version in it says nothing. */
  readonly bytes: Uint8Array
  /** Epoch milliseconds of this process after which the record is useless; `Infinity` for never. */
  readonly expiresAt: number
  /** The version of the source that was read, compared with the fence of the key. */
  readonly sourceVersion?: number | undefined
  /**
   * The version of the record in the tier it is copied from: refused as outdated when a change has given the key a
   * newer one; the same one is fine. Undefined for a value that was loaded after the lease was granted.
   */
  readonly copyOf?: number | undefined
}

/**
 * The version it got, or why it was refused: the lease is gone, or was granted by a store that has lost its memory since;
 * the source was read too early; the copy is outdated; the record was not taken.
 */
export type FillAnswer = { readonly version: number } | { readonly refused: 'lease' | 'fence' | 'copy' | 'record' }

interface AnyChange {
  /** Storage key. */
  readonly key: string
  /**
   * Orders the changes that this process makes of the key: one that arrives after a later one, because it was held up on
   * its way, is refused as `late`.
   */
  readonly order: number
  /** The outcome of an earlier change of this process is not known; the store remembers the order of this one. */
  readonly isDoubtful?: boolean | undefined
  /** For so long no lease is granted and no fill taken; 0 ends the hold of this process and leaves those of others. */
  readonly holdMs?: number | undefined
  /** From now on only fills that have read at least this version of the source are taken. */
  readonly fence?: number | undefined
}

export interface Removal extends AnyChange {
  /** `expire`: what is held becomes stale, and stays for those who accept that; where nothing is held as `delete`. */
  readonly operation: 'delete' | 'expire'
}

export interface Replacement extends AnyChange {
  readonly operation: 'set'
  /** A frame; the version in it says nothing. */
  readonly bytes: Uint8Array
  readonly expiresAt: number
  /**
   * Only if this is the version that is held. The value is the one that is there, with another life: that it has a later
   * version does not make it newer than a change which the store has lost.
   */
  readonly ifVersion?: number | undefined
  /** The version of the source that the value is of, compared with the fence of the key. Undefined for one that is not older. */
  readonly sourceVersion?: number | undefined
  /** As that of a lease: until then the key counts as held. @default 0 */
  readonly coldMs?: number | undefined
}

export type Change = Removal | Replacement

/**
 * The version that the change got, whether something was held before, and where it was announced. `conflict`: another
 * version than `ifVersion` is held. `late`: see `order`. The others made a deletion of a set, announced as one: `record`
 * was not taken, `fence` says that a newer version of the source counts, `held` that the source is being changed.
 */
export type ChangeAnswer =
  | { readonly version: number; readonly wasHeld: boolean; readonly position: BusPosition }
  | { readonly refused: 'conflict' | 'late' }
  | { readonly refused: 'record' | 'fence' | 'held'; readonly version: number; readonly position: BusPosition }

/**
 * What a shared store does in one atomic step each, so that processes agree: it gives the versions, by its own clock, and
 * leases, and announces every change on the bus in the same step in which it makes it.
 *
 * A fill needs a lease that is *there*, not a mark that is absent: whatever the store forgets costs a load, and never
 * brings an old value back. Holds and fences are marks that have to be there; a store that forgets them forgets every
 * lease with them, and says for `coldMs` that it may have. Versions rise for all keys of a lane together, so that a key
 * of which nothing is known any more gets none again. One answer an item, in order; a rejection is that of all of them, with the outcome unknown.
 */
export interface Authority {
  acquire(requests: readonly LeaseRequest[]): Promise<readonly LeaseAnswer[]>
  fill(fills: readonly Fill[]): Promise<readonly FillAnswer[]>
  /** Gives leases back unused, so that the next one need not wait. */
  release(leases: readonly HeldLease[]): Promise<void>
  change(changes: readonly Change[]): Promise<readonly ChangeAnswer[]>
  /**
   * Looks whether the store still knows of changes that were made; keys of which it has forgotten them are deleted again,
   * announced. Asked once tiers below have taken a change: what was copied from them before is refused only as long as
   * the store knows better.
   */
  affirm(changes: readonly { readonly key: string; readonly version: number }[]): Promise<void>
}
