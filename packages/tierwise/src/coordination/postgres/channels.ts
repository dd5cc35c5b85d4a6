import type { PostgresPort, PostgresSubscription } from '../../clients/postgres/port.ts'
import type { TextSubscription } from '../../contract/coordination.ts'
import { addressOf, MessageReader } from './messages.ts'

interface Listener {
  readonly onMessage: (text: string) => void
  readonly onGap: (() => void) | undefined
}

export interface ChannelsOptions {
  /** Of the server; all channels of a store are on it. */
  readonly channel: string
  readonly port: () => Promise<PostgresPort>
}

/**
 * All that is listened to, over one channel of the server. The connection stays from the first listener to the end: those who
 * wait for a lock come and go all the time.
 */
export class Channels {
  readonly #options: ChannelsOptions
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #reader = new MessageReader()
  #subscription: Promise<PostgresSubscription> | undefined

  constructor(options: ChannelsOptions) {
    this.#options = options
  }

  /** Resolves when messages from now on arrive. */
  async subscribe(channel: string, listener: Listener): Promise<TextSubscription> {
    const address = addressOf(channel)
    await this.#listening()
    await this.#catchUp()
    // A listener of its own, so that the same functions subscribed twice are told twice.
    const own = { ...listener }
    this.#listeners.set(address, (this.#listeners.get(address) ?? new Set()).add(own))
    return { close: async () => this.#remove(address, own) }
  }

  async close(): Promise<void> {
    this.#listeners.clear()
    await (await this.#subscription?.catch(() => undefined))?.close()
  }

  #listening(): Promise<PostgresSubscription> {
    this.#subscription ??= this.#listen().catch((error: unknown) => {
      this.#subscription = undefined
      throw error
    })
    return this.#subscription
  }

  async #listen(): Promise<PostgresSubscription> {
    const port = await this.#options.port()
    return port.listen(this.#options.channel, {
      onMessage: (notification) => this.#tell(notification),
      onGap: () => this.#tellGap(),
    })
  }

  /** A round trip on the connection: what was told before is here now, and not for who begins to listen only then. */
  async #catchUp(): Promise<void> {
    const port = await this.#options.port()
    const ignore = (): void => undefined
    await (await port.listen(this.#options.channel, { onMessage: ignore, onGap: ignore })).close()
  }

  #tell(notification: string): void {
    const address = notification.slice(0, notification.indexOf(' '))
    if (!this.#listeners.has(address)) return
    const text = this.#reader.read(notification)
    if (text === undefined) return
    for (const { onMessage } of this.#listeners.get(address) ?? []) onMessage(text)
  }

  #tellGap(): void {
    this.#reader.reset()
    const all = [...this.#listeners.values()].flatMap((listeners) => [...listeners])
    for (const { onGap } of all) onGap?.()
  }

  #remove(address: string, listener: Listener): void {
    const listeners = this.#listeners.get(address)
    listeners?.delete(listener)
    if (listeners?.size === 0) this.#listeners.delete(address)
  }
}
