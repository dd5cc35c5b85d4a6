import type { NodeRedisClient, NodeRedisCluster, NodeRedisClusterNode } from './client-shapes.ts'
import { bytesAsBuffer } from './argument.ts'
import { notConnected } from './client-failure.ts'
import type { LinkNode, LinkWatcher, RedisLink } from './link.ts'
import { callNodeRedis, nodeRedisReplies, renewNodeRedis } from './node-redis-link.ts'
import type { RedisArgument, RedisCommand } from './port.ts'

/** A cluster through node-redis. */
export class NodeRedisClusterLink implements RedisLink {
  readonly package = 'node-redis'
  readonly topology = 'cluster'
  readonly #cluster: NodeRedisCluster
  readonly #readsFromReplicas: boolean
  #turn = 0

  constructor(cluster: NodeRedisCluster, options: { readonly readsFromReplicas: boolean }) {
    this.#cluster = cluster
    this.#readsFromReplicas = options.readsFromReplicas
  }

  get address(): string {
    return `the cluster of ${this.#cluster.masters.map((node) => node.address).join(', ') || 'unknown nodes'}`
  }

  get isReady(): boolean {
    return this.#cluster.isOpen && this.#cluster.masters.length > 0
  }

  start(): void {
    if (!this.#cluster.isOpen) this.#cluster.connect().catch(() => {})
  }

  /**
   * The package sends commands without a key to every node, or walks through all of them, as it thinks right for the
   * command; only those with a key are left to it.
   */
  async send({ args, key }: RedisCommand): Promise<unknown> {
    if (key === undefined) return callNodeRedis(await this.#anyPrimary(), args)
    return this.#cluster.sendCommand(key, this.#readsFromReplicas, args.map(bytesAsBuffer), nodeRedisReplies)
  }

  async primaries(): Promise<readonly LinkNode[]> {
    await rediscover(this.#cluster)
    return this.#cluster.masters.map((node) => this.#linkNode(node))
  }

  connections(): readonly LinkNode[] {
    return this.#cluster.masters.map((node) => this.#linkNode(node))
  }

  watch(watcher: LinkWatcher): () => void {
    const ready = (): void => {
      if (this.isReady) watcher.ready()
    }
    const failed = (error?: unknown): void => watcher.failed(error)
    const nodeFailed = (): void => {}
    const listeners = {
      connect: ready,
      'node-ready': ready,
      error: failed,
      disconnect: failed,
      'node-error': nodeFailed,
    }
    for (const [event, listener] of Object.entries(listeners)) this.#cluster.on(event, listener)
    return () => {
      for (const [event, listener] of Object.entries(listeners)) this.#cluster.removeListener(event, listener)
    }
  }

  async destroy(): Promise<void> {
    if (this.#cluster.isOpen) this.#cluster.destroy()
  }

  async #anyPrimary(): Promise<NodeRedisClient> {
    const { masters } = this.#cluster
    const start = this.#turn++
    for (let i = 0; i < masters.length; i++) {
      const client = await this.#cluster.nodeClient(masters[(start + i) % masters.length]!)
      if (client.isReady) return client
    }
    throw notConnected(this.address)
  }

  #linkNode(node: NodeRedisClusterNode): LinkNode {
    const cluster = this.#cluster
    return {
      address: node.address,
      send: async (args: readonly RedisArgument[]) => callNodeRedis(await cluster.nodeClient(node), args),
      renew: () => void Promise.resolve(cluster.nodeClient(node)).then(renewNodeRedis, () => {}),
    }
  }
}

/** The list of nodes is otherwise as old as the last MOVED, and a node that took over since would be missing. */
async function rediscover(cluster: NodeRedisCluster): Promise<void> {
  const { _slots: slots } = cluster as { _slots?: { rediscover?: () => Promise<void> } }
  await slots?.rediscover?.()
}
