import { crc32 } from 'node:zlib'

import type { BusChange, BusPosition } from '../../contract/bus.ts'
import type { Clock } from '../../contract/runtime.ts'
import type { Message } from './message.ts'
import {
  copyOf,
  type Held,
  type Lane,
  type LaneHead,
  type LaneMemory,
  type LoggedChange,
  type ServerState,
  type Transient,
} from './state.ts'

export interface ServerSettings {
  readonly clock: Pick<Clock, 'now'>
  readonly lanes: number
  readonly logLength: number
  readonly maxRecordBytes: number
}

/**
 * The server of a shared store. Each of its methods, and each function that is given one, is one atomic step: nothing in
 * here waits. A message is handed to the subscribers in the step that makes the change.
 */
export class Server {
  skewMs = 0
  readonly settings: ServerSettings
  readonly lanes: number
  readonly tagLane: number
  readonly subscribers: Set<(message: Message) => void> = new Set()
  #state: ServerState
  #ids = 0
  #lastRead = NaN
  #readings = 0

  constructor(settings: ServerSettings) {
    this.settings = settings
    this.lanes = settings.lanes === 1 ? 1 : settings.lanes + 1
    this.tagLane = this.lanes - 1
    this.#state = this.#empty()
  }

  get state(): ServerState {
    return this.#state
  }

  /** Epoch milliseconds of the store's own clock. */
  now(): number {
    return this.settings.clock.now() + this.skewMs
  }

  laneOf(key: string): number {
    return this.settings.lanes === 1 ? 0 : crc32(key) % this.settings.lanes
  }

  /** A text that was never given before. It comes from no state, so that a restored store gives others than before. */
  nextId(kind: string): string {
    return `${kind}-${++this.#ids}`
  }

  /** The version of the latest change of the key that is still known, that of a deletion included; 0 for none. */
  changedAt(key: string): number {
    const held = this.#state.held.get(key)
    const told = held === undefined || held.isLoaded === true ? 0 : held.version
    return Math.max(told, this.#state.transient.get(key)?.changed ?? 0)
  }

  nextVersion(key: string): number {
    const memory = this.memoryOf(key)
    const known = Math.max(this.#state.held.get(key)?.version ?? 0, this.changedAt(key), memory.highest)
    memory.highest = Math.max(known + 1, this.#micros())
    return memory.highest
  }

  /** What the lane of the key remembers for sure. */
  memoryOf(key: string): LaneMemory {
    const { memory } = this.#laneAt(this.laneOf(key))
    // After a step back of the clock nobody knows how long ago the lane began.
    memory.born = Math.min(memory.born, this.now())
    return memory
  }

  /** Until when nothing is to be stored for the key: the hold that lasts longest, or a lane that may have forgotten one. */
  heldUntil(key: string, coldMs: number): number {
    const { born, holds } = this.memoryOf(key)
    return Math.max(born + coldMs, ...(holds.get(key)?.values() ?? []))
  }

  /** The record of the key, unless it has expired or is the mark of a deletion. */
  live(key: string): (Held & { readonly bytes: Uint8Array }) | undefined {
    const held = this.#state.held.get(key)
    if (held?.bytes === undefined || held.expiresAt <= this.now()) return undefined
    return { ...held, bytes: held.bytes }
  }

  transientOf(key: string): Transient {
    const known = this.#state.transient.get(key)
    if (known !== undefined) return known
    const fresh: Transient = {
      lease: undefined,
      leaseUntil: 0,
      leaseLife: undefined,
      isAwaited: false,
      changed: 0,
      orders: new Map(),
    }
    this.#state.transient.set(key, fresh)
    return fresh
  }

  headOf(lane: number): LaneHead {
    return this.#laneAt(lane).head
  }

  /** What the log still has of the changes after a number, oldest first. */
  logAfter(lane: number, sequence: number): readonly LoggedChange[] {
    return this.#laneAt(lane).log.filter((entry) => entry.sequence > sequence)
  }

  /** Counts, logs and announces a change. */
  emit(lane: number, source: string, changes: readonly BusChange[]): BusPosition {
    const state = this.#laneAt(lane)
    const sequence = state.head.sequence + 1
    const entry: LoggedChange = { sequence, before: state.head.id, id: this.nextId('change'), source, changes }
    state.head = { sequence, id: entry.id }
    state.log.push(entry)
    if (state.log.length > this.settings.logLength) state.log.shift()
    this.publish({ kind: 'changes', lane, ...entry })
    return { lane, sequence }
  }

  publish(message: Message): void {
    for (const receive of this.subscribers) receive(message)
  }

  snapshot(): ServerState {
    return copyOf(this.#state)
  }

  restore(snapshot: ServerState): void {
    this.#state = copyOf(snapshot)
  }

  flush(): void {
    this.#state = this.#empty()
  }

  /** What a lane counts and remembers is lost, and its log with it. */
  forgetLane(lane: number): void {
    this.#state = {
      ...this.#state,
      lanes: this.#state.lanes.map((known, at) => (at === lane ? this.#emptyLane() : known)),
    }
  }

  /** No two readings in a row are alike, as with a real clock: a store that has forgotten a version must not give it again. */
  #micros(): number {
    const now = this.now()
    this.#readings = now === this.#lastRead ? this.#readings + 1 : 0
    this.#lastRead = now
    return Math.floor(now * 1000) + this.#readings
  }

  #laneAt(lane: number): ServerState['lanes'][number] {
    const state = this.#state.lanes[lane]
    if (state === undefined) throw new RangeError(`The store has no lane ${lane}`)
    return state
  }

  #emptyLane(): Lane {
    const memory = { life: this.nextId('life'), born: this.now(), highest: 0, holds: new Map(), fences: new Map() }
    return { head: { sequence: 0, id: this.nextId('lane') }, log: [], memory }
  }

  #empty(): ServerState {
    const start = Math.floor(this.now() * 1000)
    return {
      held: new Map(),
      transient: new Map(),
      lanes: Array.from({ length: this.lanes }, () => this.#emptyLane()),
      members: new Map(),
      tags: { clock: start, floor: start, marks: new Map() },
    }
  }
}
