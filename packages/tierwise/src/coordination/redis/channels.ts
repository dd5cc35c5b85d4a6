import type { RedisPort } from '../../clients/redis/port.ts'
import { Subscriber } from '../../clients/redis/subscriber/subscriber.ts'
import type { TextSubscription } from '../../contract/coordination.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { stepError } from './refusal.ts'
import type { CoordinationServer } from './server.ts'

export interface ChannelsParts {
  readonly server: CoordinationServer
  readonly port: RedisPort
  readonly runtime: Runtime
}

interface Listening {
  readonly onMessage: (text: string) => void
  readonly onGap: (() => void) | undefined
  /** Has been told that it listens: from then on it has gaps. */
  isHeard: boolean
}

/** A channel that somebody listens to. */
interface Heard {
  readonly listeners: Set<Listening>
  /** Those who wait for the first time. */
  readonly waiting: Set<{ readonly resolve: () => void; readonly reject: (reason: unknown) => void }>
}

/**
 * Messages to all processes, over one connection that only listens. PUBLISH reaches every node of a cluster, so one node is
 * listened to. The connection is made for the first subscription; when it is lost it is made again for as long as there are
 * subscriptions, and each of them is told of the gap.
 */
export class Channels {
  readonly #server: CoordinationServer
  readonly #channels = new Map<string, Heard>()
  readonly #subscriber: Subscriber
  #isStarted = false
  #isClosed = false

  constructor({ server, port, runtime }: ChannelsParts) {
    this.#server = server
    this.#subscriber = new Subscriber({
      port,
      channels: [],
      kind: 'classic',
      tracking: [],
      runtime,
      watcher: {
        message: (channel, message) => this.#tell(channel, message),
        touched: () => {},
        listening: (channels) => {
          for (const channel of channels) this.#begin(channel)
        },
        failed: (reason) => this.#fail(reason),
      },
    })
  }

  /** A channel as the server knows it. */
  readonly nameOf = (channel: string): string => this.#server.start + channel

  async publish(channel: string, text: string): Promise<void> {
    await this.#server.send('publish', ['PUBLISH', this.nameOf(channel), text])
  }

  /** Resolves once everything that is published from now on is told, rejects when the server cannot be listened to. */
  async subscribe(channel: string, onMessage: Listening['onMessage'], onGap?: () => void): Promise<TextSubscription> {
    await this.#server.opened('subscribe')
    if (this.#isClosed) throw this.#server.closedError('subscribe')
    const name = this.nameOf(channel)
    const heard = this.#channels.get(name) ?? this.#add(name)
    const own: Listening = { onMessage, onGap, isHeard: this.#subscriber.isListeningTo(name) }
    heard.listeners.add(own)
    try {
      if (!own.isHeard) await new Promise<void>((resolve, reject) => heard.waiting.add({ resolve, reject }))
    } catch (error) {
      this.#remove(name, heard, own)
      throw stepError({ store: this.#server.name, operation: 'subscribe' }, error)
    }
    return { close: async () => this.#remove(name, heard, own) }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#fail(this.#server.closedError('subscribe'))
    for (const { listeners } of this.#channels.values()) listeners.clear()
    this.#channels.clear()
    await this.#subscriber.close()
  }

  #add(channel: string): Heard {
    const heard: Heard = { listeners: new Set(), waiting: new Set() }
    this.#channels.set(channel, heard)
    if (!this.#isStarted) this.#subscriber.start()
    this.#isStarted = true
    // It has no slot: a message that was published at any node reaches all.
    this.#subscriber.add({ name: channel, slot: 0 })
    return heard
  }

  #remove(channel: string, heard: Heard, own: Listening): void {
    if (!heard.listeners.delete(own) || heard.listeners.size > 0) return
    if (this.#channels.get(channel) !== heard) return
    this.#channels.delete(channel)
    this.#subscriber.remove(channel)
  }

  #begin(channel: string): void {
    const heard = this.#channels.get(channel)
    if (heard === undefined) return
    const waiting = [...heard.waiting]
    heard.waiting.clear()
    for (const listening of heard.listeners) {
      if (listening.isHeard) this.#call(heard, listening, listening.onGap)
      listening.isHeard = true
    }
    for (const { resolve } of waiting) resolve()
  }

  /** Only those who wait for the first time hear of it: whoever was heard is told of the gap later. */
  #fail(reason: unknown): void {
    for (const { waiting } of this.#channels.values()) {
      const all = [...waiting]
      waiting.clear()
      for (const { reject } of all) reject(reason)
    }
  }

  #tell(channel: string, message: Buffer): void {
    const heard = this.#channels.get(channel)
    if (heard === undefined) return
    const text = message.toString('utf8')
    for (const listening of heard.listeners) this.#call(heard, listening, () => listening.onMessage(text))
  }

  /** Not in the call that tells: what a listener throws must not end the connection. */
  #call(heard: Heard, listening: Listening, tell: (() => void) | undefined): void {
    if (tell === undefined) return
    queueMicrotask(() => {
      if (heard.listeners.has(listening)) tell()
    })
  }
}
