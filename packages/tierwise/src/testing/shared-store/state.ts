import type { BusChange } from '../../contract/bus.ts'

/** What is held for a key: a record, or the mark of a deletion when `bytes` is undefined. */
export interface Held {
  readonly bytes: Uint8Array | undefined
  /** Epoch milliseconds of the store's clock. */
  readonly expiresAt: number
  readonly version: number
  /** A load has brought it: its version is not that of a change. */
  readonly isLoaded?: boolean
}

/** What the store knows of a key for a short while. Losing it costs loads. */
export interface Transient {
  lease: string | undefined
  /** The instance that has it. */
  leaseOf?: string | undefined
  leaseUntil: number
  /** The life of the lane in which the lease was granted. */
  leaseLife: string | undefined
  /** Somebody was told that the key is being loaded. */
  isAwaited: boolean
  /** The version of the latest change; a fill is none. */
  changed: number
  /** Instance to the order of its latest doubtful change. */
  readonly orders: Map<string, number>
}

/** A change as it was counted, logged and announced. `before` is the id of the change before it. */
export interface LoggedChange {
  readonly sequence: number
  readonly before: string
  readonly id: string
  /** The instance that made the change. */
  readonly source: string
  readonly changes: readonly BusChange[]
}

export interface LaneHead {
  readonly sequence: number
  readonly id: string
}

export interface Lane {
  head: LaneHead
  /** The latest changes, oldest first. */
  readonly log: LoggedChange[]
  readonly memory: LaneMemory
}

/** What a lane remembers for sure, or forgets all at once: then its `life` is another one, and no lease from before is good. */
export interface LaneMemory {
  readonly life: string
  /** Epoch milliseconds of the store's clock. */
  born: number
  /** The highest version that it gave. */
  highest: number
  /** By keys, then by the instances that hold them: until when, in milliseconds of the store's clock. */
  readonly holds: Map<string, ReadonlyMap<string, number>>
  readonly fences: Map<string, number>
}

export interface Member {
  /** The last change that the instance has applied, for each lane; -1 before it has adopted the lane. */
  readonly progress: readonly number[]
  /** Epoch milliseconds of the store's clock. */
  readonly at: number
}

/** Everything a store knows. */
export interface ServerState {
  readonly held: Map<string, Held>
  readonly transient: Map<string, Transient>
  readonly lanes: readonly Lane[]
  readonly members: Map<string, Member>
  readonly tags: { clock: number; readonly floor: number; readonly marks: Map<string, number> }
}

export function copyOf(state: ServerState): ServerState {
  // Whatever is not copied here is replaced as a whole and never changed.
  return {
    held: new Map(state.held),
    transient: new Map(
      [...state.transient].map(([key, transient]) => [key, { ...transient, orders: new Map(transient.orders) }]),
    ),
    lanes: state.lanes.map(({ head, log, memory }) => ({
      head,
      log: [...log],
      memory: { ...memory, holds: new Map(memory.holds), fences: new Map(memory.fences) },
    })),
    members: new Map(state.members),
    tags: { ...state.tags, marks: new Map(state.tags.marks) },
  }
}
