import type { IoredisClient, IoredisCluster } from './client-shapes.ts'
import {
  callIoredis,
  destroySocket,
  ioredisAddress,
  ioredisPackage,
  listenerOfIoredis,
  writeTogether,
} from './ioredis-link.ts'
import { atEndOfTick } from './end-of-tick.ts'
import type { LinkNode, LinkWatcher, RedisLink } from './link.ts'
import type { Listener } from './subscriber/listener.ts'
import type { RedisArgument, RedisCommand, RedisPackage } from './port.ts'

/** A cluster through ioredis or iovalkey. */
export class IoredisClusterLink implements RedisLink {
  readonly topology = 'cluster'
  readonly #cluster: IoredisCluster
  readonly #readsFromReplicas: boolean
  #isTogether = false
  #turn = 0

  constructor(cluster: IoredisCluster, options: { readonly readsFromReplicas: boolean }) {
    this.#cluster = cluster
    this.#readsFromReplicas = options.readsFromReplicas
  }

  get package(): RedisPackage {
    const { options } = this.#cluster as { options?: object }
    return ioredisPackage(this.#cluster.nodes()[0]?.options ?? options ?? {})
  }

  get address(): string {
    return `the cluster of ${this.#cluster.nodes().map(ioredisAddress).join(', ') || 'unknown nodes'}`
  }

  get isReady(): boolean {
    return this.#cluster.status === 'ready'
  }

  start(): void {
    const { status } = this.#cluster
    if (status === 'wait' || status === 'end') this.#cluster.connect().catch(() => {})
  }

  async send(command: RedisCommand): Promise<unknown> {
    this.#writeTogether()
    if (command.key === undefined) return callIoredis(this.#anyPrimary(), command.args)
    return callIoredis(this.#cluster, this.#readsFromReplicas ? withSmallName(command.args) : command.args)
  }

  async primaries(): Promise<readonly LinkNode[]> {
    await refreshSlots(this.#cluster)
    return this.#cluster.nodes('master').map((node) => new ClusterNode(node))
  }

  connections(): readonly LinkNode[] {
    const open = this.#cluster.nodes().filter((node) => node.status === 'ready')
    return open.map((node) => new ClusterNode(node))
  }

  watch(watcher: LinkWatcher): () => void {
    const cluster = this.#cluster
    const watched = new Set<IoredisClient>()
    const ready = (): void => {
      if (cluster.status === 'ready') watcher.ready()
    }
    const failed = (error?: unknown): void => watcher.failed(error)
    const added = (node: unknown): void => {
      watched.add(node as IoredisClient)
      ;(node as IoredisClient).on('ready', ready)
    }
    const removed = (node: unknown): void => {
      watched.delete(node as IoredisClient)
    }
    const listeners = { ready, '+node': added, '-node': removed, error: failed, end: failed }
    for (const [event, listener] of Object.entries(listeners)) cluster.on(event, listener)
    return () => {
      for (const [event, listener] of Object.entries(listeners)) cluster.removeListener(event, listener)
      for (const node of watched) node.removeListener('ready', ready)
    }
  }

  async destroy(): Promise<void> {
    if (this.#cluster.status === 'end') return
    const ended = new Promise<void>((resolve) => this.#cluster.on('end', () => resolve()))
    const nodes = this.#cluster.nodes()
    this.#cluster.disconnect()
    for (const node of nodes) destroySocket(node)
    await ended
  }

  /** Which node a command goes to is the package's secret, so all of them wait for the end of the tick. */
  #writeTogether(): void {
    if (this.#isTogether) return
    this.#isTogether = true
    for (const node of this.#cluster.nodes()) writeTogether(node)
    atEndOfTick(() => (this.#isTogether = false))
  }

  #anyPrimary(): Pick<IoredisClient, 'callBuffer'> {
    const nodes = this.#cluster.nodes('master')
    const open = nodes.filter((node) => node.status === 'ready')
    const from = open.length > 0 ? open : nodes
    return from[this.#turn++ % from.length] ?? this.#cluster
  }
}

class ClusterNode implements LinkNode {
  readonly #node: IoredisClient

  constructor(node: IoredisClient) {
    this.#node = node
  }

  get address(): string {
    return ioredisAddress(this.#node)
  }

  send(args: readonly RedisArgument[]): Promise<unknown> {
    return callIoredis(this.#node, args)
  }

  renew(): void {
    destroySocket(this.#node)
  }

  async listen(): Promise<Listener> {
    return listenerOfIoredis(this.#node)
  }
}

/**
 * The package looks up by the name in small letters whether a command only reads and may go to a replica. Otherwise
 * names stay in capitals, for which no application can have registered a transformation of replies.
 */
function withSmallName([name, ...rest]: readonly RedisArgument[]): readonly RedisArgument[] {
  return [String(name).toLowerCase(), ...rest]
}

/** The list of nodes is otherwise as old as the last refresh, and a node that took over since would be missing. */
function refreshSlots(cluster: IoredisCluster): Promise<void> {
  const { refreshSlotsCache } = cluster as { refreshSlotsCache?: (done: (error?: Error) => void) => void }
  if (refreshSlotsCache === undefined) return Promise.resolve()
  return new Promise((resolve, reject) =>
    refreshSlotsCache.call(cluster, (error) => (error ? reject(error) : resolve())),
  )
}
