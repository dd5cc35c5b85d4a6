import type { BusChange } from '../../../contract/bus.ts'
import type { Clock, Timer, Timers } from '../../../contract/runtime.ts'
import type { LanePage } from './lane-page.ts'
import { LaneState, type LanePoint } from './lane-state.ts'
import type { ChangeMessage } from './message.ts'

export interface LaneParts {
  readonly runtime: { readonly clock: Clock; readonly timers: Timers }
  /** Changes that this instance made were applied by whoever made them. */
  readonly source: string
  /** The log from an entry on, or only the head. May reject. */
  readonly read: (from: number | undefined) => Promise<LanePage>
  /** Whether messages of this lane are on their way to here; if not, there is nothing to wait for. */
  readonly isHeard: () => boolean
  readonly listener: LaneListener
}

export interface LaneListener {
  /** Also with the changes of this instance, which `isOwn` tells apart. */
  changed(changes: readonly BusChange[], isOwn: boolean): void
  lost(): void
  confirmed(instant: number): void
  /** The server has lost changes that it had told: the history goes on from before them. Follows `lost`. */
  diverged(): void
  /** A change was not told in time although the messages of the lane are heard. */
  overdue(): void
  failed(reason: unknown): void
}

/** How long messages may take from their publication to here. */
const graceMs = 250
/** Messages that are kept while the log is read; those that do not fit are found in the log. */
const mostQueued = 1000
/** After a log that could not be read, messages that do not follow do not ask for it again at once. */
const pauseMs = 100

/** What was known when a head was asked for. */
export interface Asked {
  readonly instant: number
  readonly point: LanePoint | undefined
}

/** What became of a page of the log. */
type Outcome = 'current' | 'more' | 'lost' | 'diverged'

/**
 * One lane of the bus. It applies messages in their order without a hole, and proves from the head on the server that it
 * has applied everything. When it finds that something is missing it reads the log, and when that does not lead from
 * what it knows to what the server knows, all it knew is lost.
 */
export class Lane {
  readonly #parts: LaneParts
  readonly #state = new LaneState()
  #resyncing: Promise<void> | undefined
  #queue: ChangeMessage[] = []
  #awaited: { readonly head: LanePoint; readonly instant: number; readonly timer: Timer } | undefined
  #isWantedAgain = false
  #notBefore = -Infinity
  #isClosed = false

  /** With a point from an earlier life the lane goes on from there, if the log still reaches so far back. */
  constructor(parts: LaneParts, resumed?: LanePoint) {
    this.#parts = parts
    if (resumed !== undefined) this.#state.adopt(resumed)
  }

  /** Everything up to here was told; undefined before the first contact with the server. */
  get point(): LanePoint | undefined {
    return this.#state.last
  }

  receive(message: ChangeMessage): void {
    if (this.#isClosed) return
    if (this.#resyncing !== undefined) {
      if (this.#queue.length < mostQueued) this.#queue.push(message)
      return
    }
    const standing = this.#state.accept(message)
    if (standing === 'next') this.#tell(message)
    else if (standing === 'gap' && this.#parts.runtime.clock.now() >= this.#notBefore) this.resync()
  }

  /** A message came that cannot be read. */
  receiveUnreadable(): void {
    if (this.#parts.runtime.clock.now() >= this.#notBefore) this.resync()
  }

  /** `head` is what the server knew at some time after `asked`, or undefined when it knew of no head. */
  confirm(head: LanePoint | undefined, asked: Asked): void {
    if (this.#isClosed || this.#resyncing !== undefined) return
    // Messages may overtake the reply, so a head that was passed since it was asked for is fine; an older one is not.
    const isBehind = head === undefined || asked.point === undefined || head.sequence < asked.point.sequence
    // protocol P3 head-behind: the server has lost changes, or the lane has no history
    if (isBehind) return this.resync()
    // protocol P3 asked-at: a change may have been made after the head was read
    if (this.#state.hasReached(head)) return this.#parts.listener.confirmed(asked.instant)
    const isOnItsWay = head.sequence > (this.#state.last?.sequence ?? Infinity) && this.#parts.isHeard()
    if (!isOnItsWay) this.resync()
    // A wait that has begun is not put off: heads may be asked for more often than it lasts.
    else if (this.#awaited === undefined) this.#await(head, asked.instant)
  }

  /** Reads from the log what may have been missed before now. */
  resync(): void {
    if (this.#isClosed) return
    // protocol P3 resync-again: what is read at this moment may be from before now
    if (this.#resyncing !== undefined) return void (this.#isWantedAgain = true)
    this.#stopWaiting()
    this.#resyncing = this.#resync()
      .catch((error: unknown) => {
        this.#notBefore = this.#parts.runtime.clock.now() + pauseMs
        this.#parts.listener.failed(error)
      })
      .finally(() => {
        this.#resyncing = undefined
        const queued = this.#queue
        this.#queue = []
        for (const message of queued) this.receive(message)
        if (this.#isWantedAgain) this.#resyncAgain()
      })
  }

  #resyncAgain(): void {
    this.#isWantedAgain = false
    this.resync()
  }

  /** Nothing is told from here on. */
  close(): void {
    this.#isClosed = true
    this.#stopWaiting()
    this.#queue = []
  }

  async #resync(): Promise<void> {
    const { runtime, read, listener } = this.#parts
    for (;;) {
      const instant = runtime.clock.now()
      const page = await read(this.#state.last?.sequence)
      if (this.#isClosed) return
      const outcome = this.#catchUp(page)
      if (outcome === 'more') continue
      if (outcome !== 'current') {
        this.#state.adopt(page.head)
        // protocol P3 loss-told: nothing that was heard of before is proved
        listener.lost()
      }
      // protocol P2 repair: the server serves again what was invalidated
      if (outcome === 'diverged') listener.diverged()
      // protocol P3 log-asked-at: a change may have been made after the log was read
      return listener.confirmed(instant)
    }
  }

  #catchUp({ head, messages }: LanePage): Outcome {
    const from = this.#state.last
    if (from === undefined) return 'lost'
    if (isSame(head, from)) return 'current'
    // protocol P3 head-back: the server has lost changes that were told
    if (head.sequence <= from.sequence) return 'diverged'
    for (const message of messages) {
      if (message === undefined) return 'lost'
      const outcome = this.#apply(message, from)
      if (outcome !== undefined) return outcome
    }
    const { last } = this.#state
    // protocol P3 log-short: the log does not reach the head
    if (last === undefined || last === from) return 'lost'
    return isSame(head, last) ? 'current' : 'more'
  }

  /** What is wrong with an entry of the log, if anything is. */
  #apply(message: ChangeMessage, from: LanePoint): Outcome | undefined {
    if (message.sequence === from.sequence) return message.id === from.id ? undefined : 'diverged'
    if (this.#state.accept(message) === 'next') {
      this.#tell(message)
      return undefined
    }
    // protocol P3 log-hole: the log does not follow what was applied
    return message.sequence === from.sequence + 1 ? 'diverged' : 'lost'
  }

  #await(head: LanePoint, instant: number): void {
    const timer = this.#parts.runtime.timers.after(graceMs, () => {
      this.#awaited = undefined
      this.#parts.listener.overdue()
      this.resync()
    })
    this.#awaited = { head, instant, timer }
  }

  #tell({ changes, source }: ChangeMessage): void {
    this.#parts.listener.changed(changes, source === this.#parts.source)
    const awaited = this.#awaited
    if (awaited === undefined || !this.#state.hasReached(awaited.head)) return
    this.#stopWaiting()
    this.#parts.listener.confirmed(awaited.instant)
  }

  #stopWaiting(): void {
    this.#awaited?.timer.cancel()
    this.#awaited = undefined
  }
}

function isSame(one: LanePoint, other: LanePoint): boolean {
  return one.sequence === other.sequence && one.id === other.id
}
