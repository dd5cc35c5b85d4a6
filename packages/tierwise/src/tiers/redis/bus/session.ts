import { randomBytes } from 'node:crypto'
import { withDeadline } from '../../../base/deadline.ts'
import { Subscriber } from '../../../clients/redis/subscriber/subscriber.ts'
import type { BusListener } from '../../../contract/bus.ts'
import type { Timer } from '../../../contract/runtime.ts'
import { slotOf } from '../key-slot.ts'
import { busLanes, laneNames, type LaneNames } from '../lane.ts'
import { readLaneHead, readLanePage } from './lane-page.ts'
import { Lane } from './lane.ts'
import { OwnMember } from './members.ts'
import { readMessage } from './message.ts'
import { readPosition, writePosition } from './position-text.ts'
import { RecentChanges } from './recent-changes.ts'
import type { ResolvedBusOptions } from './options.ts'

/** A lane with what is known of it here. */
interface Place {
  readonly index: number
  readonly names: LaneNames
  readonly lane: Lane
  /** How often changes were found in the log that no message had told, since the last message. */
  overdue: number
}

/** Messages that stay away so often in a row are not late: the connection listens at the wrong place. */
const mostOverdue = 2
const farewellMs = 1000

/** A bus from its start to its stop. */
export class BusSession {
  readonly #options: ResolvedBusOptions
  readonly #listener: BusListener
  readonly #places: readonly Place[]
  readonly #byChannel: ReadonlyMap<string, Place>
  readonly #recent: RecentChanges
  readonly #member: OwnMember
  readonly #subscriber: Subscriber
  #memberSentAt = -Infinity
  /** Every foreign change of a tracked key before this instant has been told. */
  #trackedUntil: number
  #timer: Timer | undefined
  #unlisten: (() => void) | undefined
  #isChecking = false
  /** Somebody asked for a check while one was under way. */
  #isCheckDue = false
  #writing: Promise<void> | undefined
  #isClosed = false

  constructor(options: ResolvedBusOptions, listener: BusListener, resume: string | undefined) {
    const { prefix, layout, runtime, instance, lapseMs } = options
    this.#options = options
    this.#listener = listener
    this.#recent = new RecentChanges(runtime.clock)
    this.#member = new OwnMember(options.port, { prefix, id: instance, lapseMs })
    this.#trackedUntil = options.tracking.length === 0 ? Infinity : -Infinity
    const points = readPosition(resume)
    const { lanes } = busLanes(layout)
    this.#places = Array.from({ length: lanes }, (_, index) => this.#place(index, points))
    this.#byChannel = new Map(this.#places.map((place) => [place.names.channel, place]))
    this.#subscriber = this.#makeSubscriber()
  }

  start(): void {
    const { port, runtime, intervalMs } = this.#options
    this.#timer = runtime.timers.every(intervalMs, () => this.#check())
    this.#unlisten = port.onConnect(() => this.#check())
    this.#subscriber.start()
    this.#check()
  }

  position(): string {
    return writePosition(this.#places.map(({ lane }) => lane.point))
  }

  async stop(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#unlisten?.()
    for (const { lane } of this.#places) lane.close()
    const { timers } = this.#options.runtime
    const leaving = withDeadline(this.#member.remove(), farewellMs, { timers, error: () => new Error('late') })
    await Promise.all([this.#subscriber.close(), leaving.catch(() => {})])
  }

  #place(index: number, points: ReturnType<typeof readPosition>): Place {
    const { prefix, layout, runtime, instance, port, repair, onFailure } = this.#options
    const names = laneNames(prefix, layout, index)
    const lane = new Lane(
      {
        runtime,
        source: instance,
        read: (from) =>
          this.#answered(readLanePage(port, names, { from, newId: randomBytes(9).toString('base64url') })),
        isHeard: () => this.#subscriber.isListeningTo(names.channel),
        listener: {
          changed: (changes, isOwn) => {
            // protocol P2 recent-kept: a server that fails over may have lost the change
            this.#recent.add(index, changes)
            if (!isOwn) this.#listener.changed(index, changes)
          },
          lost: () => this.#listener.lost(index),
          confirmed: (instant) => this.#confirm(index, instant),
          diverged: () => repair(this.#recent.of(index)),
          overdue: () => this.#noteOverdue(place),
          failed: onFailure,
        },
      },
      points.get(index),
    )
    const place: Place = { index, names, lane, overdue: 0 }
    return place
  }

  #makeSubscriber(): Subscriber {
    const { port, publish, tracking, runtime, onFailure } = this.#options
    return new Subscriber({
      port,
      channels: this.#places.map(({ names }) => ({ name: names.channel, slot: slotOf(names.channel) })),
      kind: publish === 'SPUBLISH' ? 'sharded' : 'classic',
      tracking,
      runtime,
      watcher: {
        message: (channel, bytes) => this.#receive(channel, bytes),
        touched: (names) => this.#tellTouched(names),
        listening: (channels) => this.#resync(channels),
        failed: (reason) => {
          if (!this.#isClosed) onFailure(reason)
        },
      },
    })
  }

  #receive(channel: string, bytes: Buffer): void {
    const place = this.#byChannel.get(channel)
    if (place === undefined || this.#isClosed) return
    place.overdue = 0
    const message = readMessage(bytes)
    switch (message?.kind) {
      case 'changes':
        return place.lane.receive(message)
      case 'arrived':
        return this.#listener.arrived(message.key)
      case 'progress':
        return void this.#writeMember()
      default:
        return place.lane.receiveUnreadable()
    }
  }

  #resync(channels: readonly string[]): void {
    if (this.#isClosed) return
    // protocol P3 listening-again: messages were missed while nobody listened
    for (const channel of channels) this.#byChannel.get(channel)?.lane.resync()
    if (this.#options.tracking.length === 0) return
    // protocol P3 untracked: what was changed by others while nobody listened is in no log
    this.#loseAll()
    this.#check()
  }

  #tellTouched(names: readonly string[] | undefined): void {
    if (this.#isClosed) return
    // protocol P3 flushed: everything was removed, by whomever
    if (names === undefined) return this.#loseAll()
    const { layout } = this.#options
    this.#listener.touched(names.map((name) => layout.keyOf(name) ?? name))
  }

  #loseAll(): void {
    for (const { index } of this.#places) this.#listener.lost(index)
  }

  #noteOverdue(place: Place): void {
    if (++place.overdue < mostOverdue) return
    place.overdue = 0
    this.#subscriber.renew(place.names.channel)
  }

  /**
   * An instance that others do not know of, or believe to have lapsed, must not serve from memory: nothing is confirmed
   * that is more than one interval younger than what this one last wrote of itself.
   */
  #confirm(lane: number, instant: number): void {
    // protocol P5 member-known: a barrier does not wait for an instance that it does not know of
    if (this.#isClosed || instant - this.#memberSentAt > this.#options.intervalMs) return
    // protocol P3 tracking-proved: changes of others come over the tracking connection only
    const proven = Math.min(instant, this.#trackedUntil)
    if (proven > -Infinity) this.#listener.confirmed(lane, proven)
  }

  /** One round of the confirm loop. */
  #check(): void {
    if (this.#isClosed) return
    this.#isCheckDue = this.#isChecking
    if (this.#isChecking) return
    this.#isChecking = true
    this.#checkAll()
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#options.onFailure(error)
      })
      .finally(() => {
        this.#isChecking = false
        if (this.#isCheckDue) this.#check()
      })
  }

  async #checkAll(): Promise<void> {
    // protocol P5 member-first: whoever changes something after the heads were read has to find this instance
    await Promise.all([this.#writeMember(), this.#proveTracking()])
    await Promise.all(this.#places.map((place) => this.#checkLane(place)))
  }

  async #checkLane({ lane, names }: Place): Promise<void> {
    if (this.#isClosed) return
    const asked = { instant: this.#options.runtime.clock.now(), point: lane.point }
    try {
      lane.confirm(await this.#answered(readLaneHead(this.#options.port, names)), asked)
    } catch (error) {
      if (!this.#isClosed) this.#options.onFailure(error)
    }
  }

  async #proveTracking(): Promise<void> {
    if (this.#options.tracking.length === 0) return
    const instant = this.#options.runtime.clock.now()
    // Why not is told by the connection itself.
    await this.#answered(this.#subscriber.prove()).then(
      () => (this.#trackedUntil = instant),
      () => {},
    )
  }

  /** Never rejects. */
  async #writeMember(): Promise<void> {
    if (this.#isClosed) return
    this.#writing ??= this.#writeMemberNow().finally(() => (this.#writing = undefined))
    await this.#writing
  }

  async #writeMemberNow(): Promise<void> {
    const { runtime, onFailure } = this.#options
    const sentAt = runtime.clock.now()
    try {
      await this.#answered(this.#member.write(this.#places.map(({ lane }) => lane.point?.sequence ?? -1)))
      // protocol P5 member-sent: the server may have counted from the moment of sending
      this.#memberSentAt = sentAt
    } catch (error) {
      if (!this.#isClosed) onFailure(error)
    }
  }

  #answered<T>(reply: Promise<T>): Promise<T> {
    const { runtime, replyTimeoutMs } = this.#options
    const late = { timers: runtime.timers, error: () => new Error(`no answer within ${replyTimeoutMs} ms`) }
    return withDeadline(reply, replyTimeoutMs, late)
  }
}
