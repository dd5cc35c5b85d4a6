import { ConfigError } from '../../../errors.ts'
import type { NodeRedisSentinel } from '../client-shapes.ts'
import type { ChannelKind, Listener, ListenerWatcher } from './listener.ts'

/** What this client tells when the connection that listens may be another one. */
const changes = ['error', 'topology-change'] as const

/**
 * Listens through a sentinel client of node-redis that was handed in. It cannot be duplicated and keeps the credentials
 * of its servers to itself, but has a connection of its own for subscriptions, which follows the primary.
 */
export class NodeRedisSentinelListener implements Listener {
  readonly #client: NodeRedisSentinel
  readonly #channels = new Set<string>()
  #watcher: ListenerWatcher | undefined
  readonly #onChange = (reason: unknown): void =>
    this.#watcher?.ended(reason instanceof Error ? reason : new Error('the primary may be another one'))
  readonly #tell = (message: unknown, channel: unknown): void =>
    this.#watcher?.message(String(channel), message as Buffer)

  constructor(client: NodeRedisSentinel) {
    this.#client = client
  }

  async open(watcher: ListenerWatcher): Promise<void> {
    this.#watcher = watcher
    for (const event of changes) this.#client.on(event, this.#onChange)
  }

  async track(): Promise<void> {
    throw new ConfigError(
      'Changes of keys cannot be tracked through a sentinel client of node-redis that was handed in. Give the options of the connection instead.',
      { code: 'ERR_CACHE_CONFIG' },
    )
  }

  async subscribe(channels: readonly string[], _kind: ChannelKind): Promise<void> {
    for (const channel of channels) this.#channels.add(channel)
    await this.#client.subscribe([...channels], this.#tell, true)
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#channels.delete(channel)
    await this.#client.unsubscribe([...channels], this.#tell, true)
  }

  async ping(): Promise<void> {
    if (!this.#client.isReady) throw new Error('the client is not connected')
  }

  async close(): Promise<void> {
    if (this.#watcher === undefined) return
    this.#watcher = undefined
    for (const event of changes) this.#client.removeListener(event, this.#onChange)
    // Not waited for: after a failover the package may never answer, and what it would still tell is dropped above.
    if (this.#client.isOpen) this.#client.unsubscribe([...this.#channels], this.#tell, true).catch(() => {})
  }
}
