import type { BarrierResult, Bus, BusListener, BusPosition } from '../../contract/bus.ts'
import type { Timer } from '../../contract/runtime.ts'
import { awaitBarrier, Waits } from './barrier.ts'
import { pollMs, type SharedBusParts } from './bus-parts.ts'
import { LaneCursor } from './lane-cursor.ts'
import type { Message } from './message.ts'
import type { Server } from './server.ts'
import type { LaneHead, LoggedChange } from './state.ts'

/** How long a message may be late before the log is read instead. */
const patienceMs = 250

/** What one start of the bus is made of; what comes after its end finds another one, or none. */
interface Session {
  readonly listener: BusListener
  readonly timers: Set<Timer>
  isPolling: boolean
}

interface LaneState {
  readonly cursor: LaneCursor
  isResyncing: boolean
  /** What arrives while the log is read. */
  arrived: LoggedChange[]
}

/** A look at the heads of the store, as it was asked for. */
interface Question {
  readonly askedAt: number
  /** How far the instance was then. */
  readonly progress: readonly number[]
}

/** The bus as one instance sees it. */
export class SharedBus implements Bus {
  readonly lanes: number
  readonly tagLane: number
  readonly #parts: SharedBusParts
  #lanes: LaneState[] = []
  readonly #waits: Waits
  #session: Session | undefined

  constructor(parts: SharedBusParts) {
    this.#parts = parts
    this.lanes = parts.server.lanes
    this.tagLane = parts.server.tagLane
    this.#waits = new Waits(parts.timers)
    parts.link.onMend(() => void this.#recover(this.#lanes.keys()))
  }

  laneOf(key: string): number {
    return this.#parts.server.laneOf(key)
  }

  start(listener: BusListener, resume?: string): void {
    if (this.#session !== undefined) return
    const session: Session = { listener, timers: new Set(), isPolling: false }
    this.#session = session
    this.#lanes = cursorsFrom(resume, this.lanes).map((cursor) => ({ cursor, isResyncing: false, arrived: [] }))
    this.#parts.link.messages.subscribe((message) => this.#receive(message))
    session.timers.add(this.#parts.timers.every(pollMs, () => void this.#poll(session)))
    void this.#recover(this.#lanes.keys())
  }

  async stop(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    this.#waits.stop()
    if (session === undefined) return
    for (const timer of session.timers) timer.cancel()
    this.#parts.link.messages.unsubscribe()
    const { server, link } = this.#parts
    // Not asked for: who cannot say goodbye lapses.
    if (!link.isCut) server.state.members.delete(link.id)
  }

  position(): string {
    const known = this.#lanes.flatMap(({ cursor: { position } }, lane) =>
      position === undefined ? [] : [[lane, [position.sequence, position.id]]],
    )
    return JSON.stringify(Object.fromEntries(known))
  }

  barrier(positions: readonly BusPosition[], timeoutMs: number): Promise<BarrierResult> {
    return awaitBarrier(this.#parts, this.#waits, { positions, timeoutMs })
  }

  #receive(message: Message): void {
    const session = this.#session
    if (session === undefined) return
    if (message.kind === 'changes') this.#take(message.lane, message)
    else if (message.kind === 'arrived') session.listener.arrived(message.key)
    else if (message.kind === 'touched') session.listener.touched(message.keys)
    else void this.#poll(session)
  }

  #take(lane: number, change: LoggedChange): void {
    const state = this.#lanes[lane]!
    if (state.isResyncing) {
      state.arrived.push(change)
      return
    }
    const place = state.cursor.take(change)
    if (place === 'next') this.#tell(lane, change)
    else if (place === 'gap') void this.#recover([lane])
  }

  #tell(lane: number, { source, changes }: LoggedChange): void {
    if (source !== this.#parts.link.id) this.#session?.listener.changed(lane, changes)
  }

  async #poll(session: Session): Promise<void> {
    if (session.isPolling) return
    session.isPolling = true
    const { link, server, clock, onPoll } = this.#parts
    const askedAt = clock.now()
    const progress = this.#lanes.map(({ cursor }) => cursor.position?.sequence ?? -1)
    try {
      const heads = await link.call('poll', [], () => {
        onPoll()
        return notedHeads(server, { id: link.id, progress, keptMs: this.#parts.maxStalenessMs + 2 * pollMs })
      })
      if (session === this.#session) this.#compare(session, heads, { askedAt, progress })
    } catch {
      // Silence confirms nothing, which is all there is to say.
    } finally {
      session.isPolling = false
    }
  }

  #compare(session: Session, heads: readonly LaneHead[], { askedAt, progress }: Question): void {
    const all = heads.map((head, lane) => ({ lane, head }))
    // Behind what was known when it was asked, the store has forgotten changes; a head of the past would seem confirmed.
    const forgotten = all.filter(({ lane, head }) => head.sequence < progress[lane]!)
    if (forgotten.length > 0) void this.#recover(forgotten.map(({ lane }) => lane))
    const behind = all.filter((each) => !forgotten.includes(each) && !this.#confirms(each, askedAt))
    if (behind.length === 0) return
    const timer = this.#parts.timers.after(patienceMs, () => {
      session.timers.delete(timer)
      const lost = behind.filter((each) => !this.#confirms(each, askedAt))
      if (lost.length > 0) void this.#recover(lost.map(({ lane }) => lane))
    })
    session.timers.add(timer)
  }

  #confirms({ lane, head }: { readonly lane: number; readonly head: LaneHead }, askedAt: number): boolean {
    if (!this.#lanes[lane]!.cursor.hasPassed(head)) return false
    this.#session?.listener.confirmed(lane, askedAt)
    return true
  }

  /** Reads what was missed, then asks at once how far the store is, so that lanes are not unproved for a second. */
  async #recover(lanes: Iterable<number>): Promise<void> {
    const session = this.#session
    if (session === undefined) return
    await Promise.all(Array.from(lanes, (lane) => this.#resync(session, lane)))
    if (session === this.#session) await this.#poll(session)
  }

  async #resync(session: Session, lane: number): Promise<void> {
    const state = this.#lanes[lane]!
    if (state.isResyncing) return
    state.isResyncing = true
    const { link, server } = this.#parts
    const after = state.cursor.position?.sequence ?? 0
    try {
      const [log, head] = await link.call(
        'resync',
        [],
        () => [server.logAfter(lane, after), server.headOf(lane)] as const,
      )
      if (session !== this.#session) return
      this.#catchUp(lane, log, head)
    } catch {
      // What has arrived, or the next poll, finds that the lane is still behind.
    } finally {
      state.isResyncing = false
    }
    for (const change of state.arrived.splice(0)) this.#take(lane, change)
  }

  #catchUp(lane: number, log: readonly LoggedChange[], head: LaneHead): void {
    const { cursor } = this.#lanes[lane]!
    const missing = cursor.missing(log, head)
    if (missing === undefined) {
      cursor.adopt(head)
      this.#session?.listener.lost(lane)
      return
    }
    for (const change of missing) if (cursor.take(change) === 'next') this.#tell(lane, change)
  }
}

/** The heads of all lanes, read in the step that notes how far the instance is. */
function notedHeads(
  server: Server,
  { id, progress, keptMs }: { readonly id: string; readonly progress: readonly number[]; readonly keptMs: number },
): LaneHead[] {
  const { members } = server.state
  members.set(id, { progress, at: server.now() })
  for (const [member, { at }] of members) if (server.now() - at > keptMs) members.delete(member)
  return progress.map((_, lane) => server.headOf(lane))
}

/** A text that cannot be read resumes nothing. */
function cursorsFrom(resume: string | undefined, lanes: number): LaneCursor[] {
  const known = positionsIn(resume)
  return Array.from({ length: lanes }, (_, lane) => {
    const cursor = new LaneCursor()
    const position = known[lane]
    const [sequence, id]: readonly unknown[] = Array.isArray(position) ? position : []
    if (typeof sequence === 'number' && typeof id === 'string') cursor.adopt({ sequence, id })
    return cursor
  })
}

function positionsIn(resume: string | undefined): Readonly<Record<number, unknown>> {
  try {
    return (JSON.parse(resume ?? '') as Record<number, unknown> | null) ?? {}
  } catch {
    return {}
  }
}
