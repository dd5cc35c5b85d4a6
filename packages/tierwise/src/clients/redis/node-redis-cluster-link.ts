import type { Timer, Timers } from '../../contract/runtime.ts'
import type { NodeRedisClient, NodeRedisCluster, NodeRedisClusterNode } from './client-shapes.ts'
import { bytesAsBuffer } from './argument.ts'
import { notConnected } from './client-failure.ts'
import type { LinkNode, LinkWatcher, RedisLink } from './link.ts'
import { callNodeRedis, listenerOfNodeRedis, nodeRedisReplies, renewNodeRedis } from './node-redis-link.ts'
import type { RedisArgument, RedisCommand } from './port.ts'

export interface NodeRedisClusterOptions {
  readonly readsFromReplicas: boolean
  /** Whether nodes have changed is asked as long as a primary is not reached. */
  readonly refresh?: { readonly everyMs: number; readonly timers: Timers }
}

/** A cluster through node-redis. */
export class NodeRedisClusterLink implements RedisLink {
  readonly package = 'node-redis'
  readonly topology = 'cluster'
  readonly #cluster: NodeRedisCluster
  readonly #options: NodeRedisClusterOptions
  #refresh: Timer | undefined
  #hasEnded = false
  #isWatched = true
  #turn = 0

  constructor(cluster: NodeRedisCluster, options: NodeRedisClusterOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  get address(): string {
    return `the cluster of ${this.#cluster.masters.map((node) => node.address).join(', ') || 'unknown nodes'}`
  }

  get isReady(): boolean {
    const { isOpen, masters, isReady } = this.#cluster as NodeRedisCluster & { readonly isReady?: boolean }
    // Version 5 cannot tell, and waits by itself for a node that is being connected.
    return isOpen && (isReady ?? masters.some((node) => node.client?.isReady === true))
  }

  start(): void {
    if (!this.#cluster.isOpen) this.#destroyAfter(this.#cluster.connect())
  }

  /**
   * The package sends commands without a key to every node, or walks through all of them, as it thinks right for the
   * command; only those with a key are left to it.
   */
  async send({ args, key }: RedisCommand): Promise<unknown> {
    if (key === undefined) return callNodeRedis(await this.#anyPrimary(), args)
    return this.#cluster.sendCommand(key, this.#options.readsFromReplicas, args.map(bytesAsBuffer), nodeRedisReplies)
  }

  async primaries(): Promise<readonly LinkNode[]> {
    await rediscover(this.#cluster, await this.#anyPrimary())
    return this.#cluster.masters.map((node) => this.#linkNode(node))
  }

  connections(): readonly LinkNode[] {
    const { masters, replicas } = this.#cluster
    return [...masters, ...replicas].map((node) => this.#linkNode(node))
  }

  watch(watcher: LinkWatcher): () => void {
    const ready = (): void => {
      if (this.isReady) watcher.ready()
    }
    const failed = (error?: unknown): void => watcher.failed(error)
    const nodeFailed = (): void => this.#refreshSoon()
    const listeners = {
      connect: ready,
      'node-ready': ready,
      error: failed,
      disconnect: failed,
      'node-error': nodeFailed,
    }
    for (const [event, listener] of Object.entries(listeners)) this.#cluster.on(event, listener)
    return () => {
      this.#isWatched = false
      this.#refresh?.cancel()
      for (const [event, listener] of Object.entries(listeners)) this.#cluster.removeListener(event, listener)
    }
  }

  async destroy(): Promise<void> {
    this.#hasEnded = true
    this.#refresh?.cancel()
    this.#cluster.destroy()
  }

  /**
   * Commands for a primary that is down fail before any node could answer MOVED. Version 5 then never learns that
   * another node has taken over, version 6 after some seconds.
   */
  #refreshSoon(): void {
    const { refresh } = this.#options
    if (refresh === undefined || this.#refresh !== undefined || !this.#mayRefresh) return
    this.#refresh = refresh.timers.after(refresh.everyMs, () => this.#destroyAfter(this.#refreshNodes()))
  }

  /** Work that goes on while the cluster is destroyed makes connections that nobody would end. */
  #destroyAfter(work: Promise<unknown>): void {
    const end = (): void => {
      if (this.#hasEnded) this.#cluster.destroy()
    }
    work.then(end, end)
  }

  get #mayRefresh(): boolean {
    return this.#isWatched && !this.#hasEnded && this.#cluster.isOpen
  }

  async #refreshNodes(): Promise<void> {
    const wasOpen = this.#cluster.isOpen
    try {
      if (wasOpen) await rediscover(this.#cluster, await this.#anyPrimary())
    } catch {
      // No node that is known answers; the package goes on trying to reach them.
    }
    this.#refresh = undefined
    const { isOpen, masters } = this.#cluster
    // Its owner has ended it meanwhile, and cannot know of connections that were made after that.
    if (wasOpen && !isOpen && !this.#hasEnded) this.#cluster.destroy()
    if (this.#mayRefresh && masters.some((node) => node.client?.isReady !== true)) this.#refreshSoon()
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
      listen: async () => listenerOfNodeRedis(await cluster.nodeClient(node)),
      renew: () => void Promise.resolve(cluster.nodeClient(node)).then(renewNodeRedis, () => {}),
    }
  }
}

/** The list of nodes is otherwise as old as the last MOVED, and a node that took over since would be missing. */
async function rediscover(cluster: NodeRedisCluster, from: NodeRedisClient): Promise<void> {
  const { _slots: slots } = cluster as { _slots?: { rediscover?: (from: NodeRedisClient) => Promise<void> } }
  await slots?.rediscover?.(from)
}
