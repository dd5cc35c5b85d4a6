import { SlotMoved } from './slot-moved.ts'
import type { NodeRedisClient } from '../client-shapes.ts'
import { firstOutcome, type RedisLinkOfOne } from './first-outcome.ts'
import { invalidationChannel, tellMessage, trackingCommand } from './listener.ts'
import type { ChannelKind, Listener, ListenerWatcher } from './listener.ts'

const moved = 'sharded-channel-moved'

/** A duplicate of a client of node-redis that gives up after its first failure. It has not begun to connect. */
export function listeningNodeRedis(client: NodeRedisClient): NodeRedisClient {
  const { socket } = client.options ?? {}
  return client.duplicate({
    // One protocol for both versions, whose defaults differ, and for the other packages: changed names come as messages.
    RESP: 2,
    maintNotifications: 'disabled',
    clientSideCache: undefined,
    emitInvalidate: undefined,
    pingInterval: undefined,
    disableOfflineQueue: true,
    socket: { ...socket, socketTimeout: undefined, reconnectStrategy: false },
  })
}

/** Listens through a client that `listeningNodeRedis` made. */
export class NodeRedisListener implements Listener {
  readonly #client: NodeRedisClient
  readonly #link: RedisLinkOfOne
  readonly #onMoved = (): void => this.#watcher?.ended(new SlotMoved())
  #watcher: ListenerWatcher | undefined
  #unwatch: (() => void) | undefined

  constructor(client: NodeRedisClient, link: RedisLinkOfOne) {
    this.#client = client
    this.#link = link
  }

  open(watcher: ListenerWatcher): Promise<void> {
    this.#watcher = watcher
    this.#client.on(moved, this.#onMoved)
    return firstOutcome(this.#link, (unwatch) => {
      this.#unwatch = unwatch
      return (reason) => this.#watcher?.ended(reason)
    })
  }

  async track(prefixes: readonly string[]): Promise<void> {
    const id = await this.#link.send(['CLIENT', 'ID'])
    await this.#link.send(trackingCommand(id, prefixes))
    await this.#client.subscribe(invalidationChannel, this.#tell, true)
  }

  async subscribe(channels: readonly string[], kind: ChannelKind): Promise<void> {
    if (channels.length === 0) return
    if (kind === 'classic') await this.#client.subscribe([...channels], this.#tell, true)
    else await Promise.all(channels.map((channel) => this.#client.sSubscribe(channel, this.#tell, true)))
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#client.unsubscribe([...channels], this.#tell, true)
  }

  async ping(): Promise<void> {
    await this.#link.send(['PING'])
  }

  async close(): Promise<void> {
    this.#watcher = undefined
    this.#client.removeListener(moved, this.#onMoved)
    // A client that ends may still fail; without a listener that would end the process.
    this.#client.on('error', () => {})
    await this.#link.destroy()
    this.#unwatch?.()
  }

  readonly #tell = (message: unknown, channel: unknown): void => {
    if (this.#watcher !== undefined) tellMessage(this.#watcher, String(channel), message)
  }
}
