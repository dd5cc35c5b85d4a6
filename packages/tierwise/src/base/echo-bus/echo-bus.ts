import type { BarrierResult, Bus, BusChange, BusListener, BusPosition } from '../../contract/bus.ts'
import type { Runtime, Timer } from '../../contract/runtime.ts'
import { Barriers } from './barriers.ts'
import type { EchoChannel } from './channel.ts'
import { readMessage, writeMessage, type EchoMessage } from './message.ts'

const pingEveryMs = 1000
/** A ping that was sent comes back within this time, or the next one does. */
const echoWithinMs = 250
const longestRowOfMisses = 2
/** A ping that cannot be sent keeps the next ones from being tried for so long. */
const longestSendMs = 5000
/** How long stopping waits until the others are told. */
const longestByeMs = 250

export interface EchoBusOptions {
  readonly channel: EchoChannel
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>
  /** Random name of this instance among those on the channel. */
  readonly source: string
  /** Whether the engine has to announce its changes, because no store does. */
  readonly announces: boolean
  /** How long after the instant of a confirmation an instance may serve from memory, at most. */
  readonly maxStalenessMs: number
}

/**
 * A bus of one lane over a channel on which everybody hears himself too.
 *
 * A ping each second travels the way that changes travel. When it comes back, everything that anybody had sent before it
 * has been heard (`EchoChannel`), so the lane is confirmed for the instant before it was sent. Nobody has to be known for
 * that, and nobody has to answer: a process that hangs costs the others nothing. Changes of one sender are told in
 * their order.
 *
 * There is no log, so nothing can be resumed: the lane is lost at each start and after each gap.
 */
export class EchoBus implements Bus {
  readonly lanes = 1
  readonly tagLane = 0
  readonly announce?: (changes: readonly BusChange[]) => void
  readonly #options: EchoBusOptions
  readonly #barriers: Barriers
  #listener: BusListener | undefined
  #stopping: Promise<void> | undefined
  #isOpen = false
  /** Instants before pings that have not come back were sent. */
  #pings = new Map<number, number>()
  #pingCount = 0
  #misses = 0
  #sendingSince: number | undefined
  #rhythm: Timer | undefined
  #deadline: Timer | undefined

  constructor(options: EchoBusOptions) {
    this.#options = options
    const { runtime, maxStalenessMs } = options
    const ask = (number: number): void => void this.#echo({ kind: 'ask', number })
    this.#barriers = new Barriers({ runtime, maxStalenessMs, ask })
    if (options.announces) this.announce = (changes) => this.#announce(changes)
  }

  laneOf(): number {
    return 0
  }

  position(): string {
    return ''
  }

  start(listener: BusListener): void {
    if (this.#listener !== undefined) return
    this.#listener = listener
    this.#rhythm = this.#options.runtime.timers.every(pingEveryMs, () => void this.#ping())
    this.#options.channel.open({ onOpen: () => this.#onOpen(), onText: (text) => this.#onText(text) })
  }

  async stop(): Promise<void> {
    if (this.#listener !== undefined) this.#stopping = this.#stop()
    await this.#stopping
  }

  barrier(_positions: readonly BusPosition[], timeoutMs: number): Promise<BarrierResult> {
    return this.#barriers.wait(timeoutMs)
  }

  async #stop(): Promise<void> {
    this.#listener = undefined
    this.#isOpen = false
    this.#pings.clear()
    this.#rhythm?.cancel()
    this.#deadline?.cancel()
    this.#barriers.stop()
    await this.#inTime(this.#tell({ kind: 'bye' }), longestByeMs)
    await this.#options.channel.close()
  }

  async #inTime(work: Promise<unknown>, ms: number): Promise<void> {
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => {
      timer = this.#options.runtime.timers.after(ms, resolve)
    })
    await Promise.race([work, late])
    timer?.cancel()
  }

  #announce(changes: readonly BusChange[]): void {
    if (this.#listener !== undefined) void this.#tell({ kind: 'changes', changes })
  }

  #onOpen(): void {
    if (this.#listener === undefined) return
    this.#isOpen = true
    // A ping of before the gap proves nothing about what was sent in it.
    this.#pings = new Map()
    this.#misses = 0
    this.#sendingSince = undefined
    this.#deadline?.cancel()
    this.#barriers.opened()
    this.#listener.lost(0)
    void this.#ping()
  }

  async #ping(): Promise<void> {
    const { clock, timers } = this.#options.runtime
    const instant = clock.now()
    if (!this.#isOpen || instant < (this.#sendingSince ?? -Infinity) + longestSendMs) return
    const pings = this.#pings
    const number = ++this.#pingCount
    pings.set(number, instant)
    this.#sendingSince = instant
    const isSent = await this.#echo({ kind: 'ping', number })
    if (pings !== this.#pings || !this.#isOpen) return
    if (this.#sendingSince === instant) this.#sendingSince = undefined
    // What could not be sent does not say that nothing comes back.
    if (!isSent) pings.delete(number)
    if (!pings.has(number)) return
    this.#deadline?.cancel()
    this.#deadline = timers.after(echoWithinMs, () => this.#miss())
  }

  /** Twice in a row, because the timer of a busy process fires before it looks at what has arrived. */
  #miss(): void {
    this.#misses++
    if (this.#misses < longestRowOfMisses) return void this.#ping()
    this.#isOpen = false
    this.#options.channel.reopen()
  }

  #onText(text: string): void {
    const heard = this.#isOpen ? readMessage(text) : undefined
    if (heard === undefined) return
    if (heard.source === this.#options.source) this.#hearOwn(heard.message)
    else this.#hear(heard.source, heard.message)
  }

  #hearOwn(message: EchoMessage): void {
    if (message.kind === 'ask') this.#barriers.asked(message.number)
    const instant = message.kind === 'ping' ? this.#pings.get(message.number) : undefined
    if (message.kind !== 'ping' || instant === undefined) return
    for (const number of this.#pings.keys()) if (number <= message.number) this.#pings.delete(number)
    this.#misses = 0
    if (this.#pings.size === 0) this.#deadline?.cancel()
    this.#listener?.confirmed(0, instant)
  }

  #hear(source: string, message: EchoMessage): void {
    switch (message.kind) {
      case 'changes':
        return this.#listener?.changed(0, message.changes)
      case 'lost':
        return this.#listener?.lost(0)
      case 'ping':
        return this.#barriers.pinged(source)
      case 'ask':
        return void this.#tell({ kind: 'answer', number: message.number, to: source })
      case 'answer':
        return message.to === this.#options.source ? this.#barriers.answered(message.number, source) : undefined
      case 'bye':
        return this.#barriers.left(source)
    }
  }

  #tell(message: EchoMessage): Promise<boolean> {
    const { channel, source } = this.#options
    return succeeds(channel.tell(writeMessage(source, message)))
  }

  #echo(message: EchoMessage): Promise<boolean> {
    const { channel, source } = this.#options
    return succeeds(channel.echo(writeMessage(source, message)))
  }
}

function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}
