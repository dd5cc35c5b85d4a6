import { bytesAsBuffer } from './argument.ts'
import type { NodeRedisSentinel } from './client-shapes.ts'
import type { LinkNode, LinkWatcher, RedisLink } from './link.ts'
import { listenToNodeRedis, nodeRedisReplies } from './node-redis-link.ts'
import type { Listener } from './subscriber/listener.ts'
import { NodeRedisSentinelListener } from './subscriber/node-redis-sentinel-listener.ts'
import type { RedisArgument, RedisCommand } from './port.ts'

/** The primary behind Sentinel, through a sentinel client of node-redis that was handed in. */
export class NodeRedisSentinelLink implements RedisLink, LinkNode {
  readonly package = 'node-redis'
  readonly topology = 'single'
  readonly #client: NodeRedisSentinel
  #watcher: LinkWatcher | undefined
  #wasTold = false

  constructor(client: NodeRedisSentinel) {
    this.#client = client
  }

  get address(): string {
    const node = this.#client.getMasterNode()
    return node === undefined ? 'the primary that Sentinel names' : `${node.host}:${node.port}`
  }

  get isReady(): boolean {
    return this.#client.isReady
  }

  start(): void {
    if (this.#client.isOpen) return
    this.#client.connect().then(
      () => this.#tellOnce(),
      (error: unknown) => this.#watcher?.failed(error),
    )
  }

  send(command: RedisCommand | readonly RedisArgument[]): Promise<unknown> {
    const args = 'args' in command ? command.args : command
    return this.#client.sendCommand(false, args.map(bytesAsBuffer), nodeRedisReplies)
  }

  /** The package looks after its connections itself. */
  renew(): void {}

  async listen(): Promise<Listener> {
    return new NodeRedisSentinelListener(this.#client)
  }

  async primaries(): Promise<readonly LinkNode[]> {
    return [this]
  }

  connections(): readonly LinkNode[] {
    return [this]
  }

  watch(watcher: LinkWatcher): () => void {
    this.#watcher = watcher
    const ready = (): void => {
      this.#wasTold = true
      watcher.ready()
    }
    return listenToNodeRedis(this.#client, { ready, failed: (error) => watcher.failed(error) })
  }

  async destroy(): Promise<void> {
    if (this.#client.isOpen) await this.#client.destroy()
  }

  /** Version 5 has no event for it. */
  #tellOnce(): void {
    if (!this.#wasTold) this.#watcher?.ready()
  }
}
