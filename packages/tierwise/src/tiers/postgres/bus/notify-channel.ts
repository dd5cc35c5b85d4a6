import { withDeadline } from '../../../base/deadline.ts'
import type { EchoChannel, EchoEvents } from '../../../base/echo-bus/index.ts'
import type { PostgresPort, PostgresSubscription } from '../../../clients/postgres/port.ts'
import type { Runtime, Timer } from '../../../contract/runtime.ts'

const shortestPauseMs = 100
const longestPauseMs = 30_000
/** A connection whose other end has fallen silent is not waited for. */
const longestCloseMs = 1000
/** A connection that has lasted for so long is made again at once. */
const settledMs = 60_000

export interface NotifyChannelOptions {
  readonly channel: string
  readonly runtime: Runtime
  /** @throws TierError when the tier is not open. */
  readonly port: () => PostgresPort
  /** Told when what is sent does not come back, each time a new connection is made for it. */
  readonly onSilence: () => void
}

/**
 * NOTIFY and LISTEN of PostgreSQL.
 *
 * Messages are sent over the connections of the statements and heard over one that does nothing else. PostgreSQL delivers
 * the messages of different transactions in the order in which they committed, those of the sender included.
 */
export class NotifyChannel implements EchoChannel {
  readonly #options: NotifyChannelOptions
  #events: EchoEvents | undefined
  /** What is listened to since: of several attempts the latest one counts. */
  #attempt = 0
  #subscription: PostgresSubscription | undefined
  #retry: Timer | undefined
  #pauseMs = shortestPauseMs
  #openedAt = -Infinity

  constructor(options: NotifyChannelOptions) {
    this.#options = options
  }

  open(events: EchoEvents): void {
    this.#events = events
    this.#pauseMs = shortestPauseMs
    this.#listen()
  }

  async tell(text: string): Promise<void> {
    const { port, channel } = this.#options
    await port().query({
      text: 'select pg_notify($1::text, $2::text)::text',
      values: [channel, text],
      name: 'tierwise_tell',
    })
  }

  echo(text: string): Promise<void> {
    return this.tell(text)
  }

  /**
   * Behind a pooler that gives each transaction another connection, LISTEN seems to work and nothing is ever heard; hence
   * the pauses.
   */
  reopen(): void {
    if (this.#events === undefined) return
    this.#options.onSilence()
    void this.#drop()
    if (this.#options.runtime.clock.now() - this.#openedAt > settledMs) this.#pauseMs = shortestPauseMs
    this.#listenLater()
  }

  async close(): Promise<void> {
    this.#events = undefined
    this.#retry?.cancel()
    const { timers } = this.#options.runtime
    await withDeadline(this.#drop(), longestCloseMs, { timers, error: () => new Error('late') }).catch(() => undefined)
  }

  #listen(): void {
    const attempt = ++this.#attempt
    void this.#subscribe(attempt).catch(() => {
      if (attempt === this.#attempt) this.#listenLater()
    })
  }

  #listenLater(): void {
    if (this.#events === undefined) return
    const { timers, random } = this.#options.runtime
    const pauseMs = this.#pauseMs * (0.5 + random())
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs)
    this.#retry?.cancel()
    this.#retry = timers.after(pauseMs, () => this.#listen())
  }

  async #subscribe(attempt: number): Promise<void> {
    const { port, channel } = this.#options
    const subscription = await port().listen(channel, {
      onMessage: (payload) => attempt === this.#attempt && this.#events?.onText(payload),
      onGap: () => attempt === this.#attempt && this.#opened(),
    })
    if (attempt !== this.#attempt) return subscription.close()
    this.#subscription = subscription
    this.#opened()
  }

  #opened(): void {
    this.#openedAt = this.#options.runtime.clock.now()
    this.#events?.onOpen()
  }

  /** What the connection still brings is of no use from here on. */
  async #drop(): Promise<void> {
    this.#attempt++
    const subscription = this.#subscription
    this.#subscription = undefined
    await subscription?.close().catch(() => undefined)
  }
}
