import type { BusChange } from '../../contract/bus.ts'

/** What is held for a key: a record, or the mark of a deletion when `bytes` is undefined. */
export interface Held {
  readonly bytes: Uint8Array | undefined
  /** Epoch milliseconds of the store's clock. */
  readonly expiresAt: number
  readonly version: number
}

/** What the store knows of a key for a short while. Losing it costs loads. */
export interface Transient {
  lease: string | undefined
  leaseUntil: number
  /** Somebody was told that the key is being loaded. */
  isAwaited: boolean
  /** The newest version that the key had when it was last leased or changed. */
  version: number
  /** The version of the latest change; a fill is none. */
  changed: number
  holdUntil: number
  fence: number | undefined
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
    lanes: state.lanes.map(({ head, log }) => ({ head, log: [...log] })),
    members: new Map(state.members),
    tags: { ...state.tags, marks: new Map(state.tags.marks) },
  }
}
