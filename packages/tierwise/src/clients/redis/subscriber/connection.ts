import { withDeadline } from '../../../base/deadline.ts'
import type { Timer, Timers } from '../../../contract/runtime.ts'
import type { Heartbeat } from '../connection.ts'
import type { RedisNode } from '../port.ts'
import type { ChannelKind, Listener, ListenerWatcher } from './listener.ts'

export interface ConnectionOptions {
  readonly node: RedisNode
  readonly kind: ChannelKind
  /** Prefixes of the names to track; none for no tracking. */
  readonly tracking: readonly string[]
  readonly timers: Timers
  readonly openTimeoutMs: number
  readonly heartbeat: Heartbeat
  readonly watcher: ConnectionWatcher
}

export interface ConnectionWatcher extends ListenerWatcher {
  /** From here on everything published to the channels, and every tracked change, is told. */
  listening(channels: readonly string[]): void
}

/** One listener from its making to its end, which comes with the first failure of any kind and is told once. */
export class Connection {
  readonly #options: ConnectionOptions
  /** Channels that are listened to, or will be, each with what tells it from the same one after it was left. */
  readonly #channels = new Map<string, object>()
  readonly #heard = new Set<string>()
  #listener: Promise<Listener> | undefined
  #isOpen = false
  #hasEnded = false
  #beat: Timer | undefined
  #isAsked = false
  #closing: Promise<void> | undefined
  readonly #over = untilSettled()

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#hasEnded
  }

  /** Adds what is not listened to yet. */
  listenTo(channels: readonly string[]): void {
    const added = channels.filter((channel) => !this.#channels.has(channel))
    for (const channel of added) this.#channels.set(channel, {})
    if (this.isOpen && added.length > 0) this.#attempt(() => this.#subscribe(added))
  }

  /** Ends what was listened to; other channels go on. */
  leave(channel: string): void {
    this.#heard.delete(channel)
    if (!this.#channels.delete(channel) || !this.isOpen) return
    this.#attempt(async () => (await this.#listener)?.unsubscribe([channel]))
  }

  has(channel: string): boolean {
    return this.#channels.has(channel)
  }

  hears(channel: string): boolean {
    return this.isOpen && this.#heard.has(channel)
  }

  open(): void {
    this.#attempt(async () => {
      const { node, watcher, tracking } = this.#options
      this.#listener = node.listen()
      const listener = await this.#listener
      if (this.#hasEnded) return
      await listener.open({ ...bound(watcher), ended: (reason) => this.end(reason) })
      if (tracking.length > 0) await listener.track(tracking)
      if (this.#hasEnded) return
      this.#isOpen = true
      await this.#subscribe([...this.#channels.keys()])
      this.#startHeartbeat()
    })
  }

  /** Rejects unless everything that was sent to this connection before has been told. */
  async prove(): Promise<void> {
    if (!this.isOpen) throw new Error('There is no connection that listens.')
    await (await this.#listener)?.ping()
    if (this.#hasEnded) throw new Error('The connection that listens has ended.')
  }

  /** Idempotent. */
  end(reason: unknown): void {
    if (this.#hasEnded) return
    void this.close()
    this.#options.watcher.ended(reason)
  }

  /** Ends without a word, and resolves when nothing is left of it. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#hasEnded = true
    this.#beat?.cancel()
    this.#over.settle()
    const listener = await this.#listener?.catch(() => undefined)
    await listener?.close().catch(() => {})
  }

  /** Work that is still waiting when this ends will not be answered. */
  #attempt(work: () => Promise<void>): void {
    const { timers, openTimeoutMs } = this.#options
    const late = { timers, error: () => new Error(`no answer within ${openTimeoutMs} ms`) }
    withDeadline(Promise.race([work(), this.#over.promise]), openTimeoutMs, late).catch((error: unknown) =>
      this.end(error),
    )
  }

  async #subscribe(channels: readonly string[]): Promise<void> {
    const { kind, watcher } = this.#options
    const asked = channels.map((channel) => ({ channel, mark: this.#channels.get(channel) }))
    await (await this.#listener)?.subscribe(channels, kind)
    if (this.#hasEnded) return
    const heard = asked.filter(({ channel, mark }) => this.#channels.get(channel) === mark)
    for (const { channel } of heard) this.#heard.add(channel)
    watcher.listening(heard.map(({ channel }) => channel))
  }

  /** A host that dies without a word closes no socket; without an answer in time the connection counts as gone. */
  #startHeartbeat(): void {
    const { timers, heartbeat } = this.#options
    if (this.#hasEnded) return
    this.#beat = timers.every(heartbeat.intervalMs, () => {
      if (this.#isAsked) return
      this.#isAsked = true
      const late = { timers, error: () => new Error(`no answer within ${heartbeat.timeoutMs} ms`) }
      withDeadline(Promise.race([this.prove(), this.#over.promise]), heartbeat.timeoutMs, late)
        .catch((error: unknown) => this.end(error))
        .finally(() => (this.#isAsked = false))
    })
  }
}

function untilSettled(): { readonly promise: Promise<void>; readonly settle: () => void } {
  let settle = (): void => {}
  const promise = new Promise<void>((resolve) => (settle = resolve))
  return { promise, settle }
}

function bound(watcher: ConnectionWatcher): Pick<ListenerWatcher, 'message' | 'touched'> {
  return {
    message: (channel, message) => watcher.message(channel, message),
    touched: (names) => watcher.touched(names),
  }
}
