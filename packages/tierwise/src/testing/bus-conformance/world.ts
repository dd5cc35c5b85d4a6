import type { Bus, BusChange, BusPosition } from '../../contract/bus.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { TestRunner } from '../conformance/suite.ts'

/** A change that an instance is to make; the version or the clock comes with it, or from the store. */
export type WantedChange =
  | { readonly operation: 'set' | 'delete'; readonly key: string }
  | { readonly operation: 'tags'; readonly names: readonly string[] }

/** One instance on a store: its bus, and a way to change what all share. */
export interface BusInstance {
  /** Started and stopped by the tests. */
  readonly bus: Bus
  /** Makes the changes together and in order; resolves, once they are made, to what others are to be told of them. */
  readonly change: (wanted: readonly WantedChange[]) => Promise<readonly BusChange[]>
  /** Where the latest changes were announced, for a barrier. @default nowhere: the bus knows by itself */
  readonly positions?: () => readonly BusPosition[]
}

/** A store of a test, or whatever else the instances have in common. */
export interface BusWorld {
  /** Another instance, ready to be started. Its time is that of `runtime`. */
  join(runtime: Runtime): Promise<BusInstance>
  /** Ends what was made for the test, timers included. The buses have been stopped before. */
  close(): Promise<void>
  /**
   * What buses that were stopped have left behind, before `close`: connections, channels.
   * @default nothing can be told
   */
  leftovers?(): Promise<readonly string[]>
}

export interface BusConformanceOptions {
  readonly name: string
  /** An empty store for each test. */
  readonly open: () => Promise<BusWorld>
  readonly runner: TestRunner
  /** How soon a change is told and a lane confirmed, in milliseconds of real time. @default 5000 */
  readonly withinMs?: number
  /** The longest time after a confirmation for which the instances of the world may serve from memory. @default 5000 */
  readonly maxStalenessMs?: number
}
