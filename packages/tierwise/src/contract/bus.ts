import type { Runtime } from './runtime.ts'

/** A key that was set, deleted or made stale by another process. */
export interface KeyChange {
  readonly kind: 'key'
  readonly operation: 'set' | 'delete' | 'expire'
  /** Storage key. */
  readonly key: string
  /** The version that the change gave the key. */
  readonly version: number
}

/** Tags, or whole namespaces, that another process has invalidated; see `TagClock`. */
export interface TagChange {
  readonly kind: 'tags'
  readonly names: readonly string[]
  readonly clock: number
}

export type BusChange = KeyChange | TagChange

/** What a bus tells. Calls come in the order of the changes of a lane; none of them may throw. */
export interface BusListener {
  changed(lane: number, changes: readonly BusChange[]): void
  /** Changes may have been missed: what is held of this lane from before now is not proved any more. */
  lost(lane: number): void
  /** Every change of the lane that was made before `instant` (epoch milliseconds of the runtime's clock) has been told. */
  confirmed(lane: number, instant: number): void
  /** A key that somebody waits for was loaded by another process, or that process has given up. Nothing has changed. */
  arrived(key: string): void
  /** Code outside of this library may have changed these keys. */
  touched(keys: readonly string[]): void
}

/** How far a lane had come when a change was made in it. */
export interface BusPosition {
  readonly lane: number
  /** Counts the changes of the lane. */
  readonly sequence: number
}

/** Who has applied what a barrier stands for. */
export interface BarrierResult {
  /** Instances that have applied it. */
  readonly acknowledged: readonly string[]
  /** Instances that have lost the right to serve what they hold in memory. */
  readonly lapsed: readonly string[]
}

/**
 * Tells this process what others have changed. A bus never rejects and never gives up: while it hears nothing it
 * confirms nothing, and the engine stops serving what it cannot prove.
 */
export interface Bus {
  /** Units of ordering, numbered from 0; known once the tier is open. Lanes are confirmed and lost apart. */
  readonly lanes: number
  /** The lane in which tags and clears are told. */
  readonly tagLane: number
  laneOf(key: string): number
  /**
   * Idempotent. Each lane is first `lost`, unless it can be resumed from where `resume` (an earlier `position`) left it:
   * then what has changed since is told first.
   */
  start(listener: BusListener, resume?: string): void
  stop(): Promise<void>
  /** Where the lanes are, as a text for `start`: everything before it has been told. */
  position(): string
  /**
   * Resolves once every live instance has applied everything up to the positions, or may no longer serve from memory.
   * Rejects when it cannot find out within `timeoutMs`.
   */
  barrier(positions: readonly BusPosition[], timeoutMs: number): Promise<BarrierResult>
  /**
   * Tells the others what this process has changed. Present where the shared store does not announce by itself, or there is
   * none. Sent within the call, so that who waits for the change can rely on it; never throws.
   */
  announce?(changes: readonly BusChange[]): void
}

/** How a bus that belongs to no tier enters a manager: described first, created by each manager that uses it. */
export interface BusDefinition {
  create(runtime: Runtime): Bus
}
