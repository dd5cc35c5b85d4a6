/**
 * What is used of a client that was handed in. The packages are described here instead of imported, so that none of
 * them has to be installed; a type test holds these shapes against the real ones.
 */

type Listener = (...args: unknown[]) => void

type MessageListener = (message: unknown, channel: unknown) => unknown

interface Emitter {
  on(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
}

/** `Redis` of ioredis 5 or 6, or of iovalkey; also behind Sentinel. */
export interface IoredisClient extends Emitter {
  readonly status: string
  readonly options: { readonly host?: string | undefined; readonly port?: number | undefined }
  callBuffer(command: string, ...args: (string | Buffer | number)[]): Promise<unknown>
  connect(): Promise<void>
  disconnect(reconnect?: boolean): void
  duplicate(override?: object): IoredisClient
}

/** `Cluster` of ioredis 5 or 6, or of iovalkey. */
export interface IoredisCluster extends Emitter {
  readonly status: string
  readonly isCluster: boolean
  callBuffer(command: string, ...args: (string | Buffer | number)[]): Promise<unknown>
  connect(): Promise<void>
  disconnect(reconnect?: boolean): void
  nodes(role?: 'all' | 'master' | 'slave'): IoredisClient[]
}

/** What `createClient` of node-redis 5 or 6 returns. */
export interface NodeRedisClient extends Emitter {
  readonly isOpen: boolean
  readonly isReady: boolean
  sendCommand(args: readonly (string | Buffer)[], options?: object): Promise<unknown>
  connect(): Promise<unknown>
  destroy(): void
  readonly options?: { readonly socket?: object } | undefined
  duplicate(overrides?: object): NodeRedisClient
  subscribe(channels: string | string[], listener: MessageListener, withBytes: true): Promise<unknown>
  unsubscribe(channels: string | string[], listener: MessageListener, withBytes: true): Promise<unknown>
  sSubscribe(channels: string | string[], listener: MessageListener, withBytes: true): Promise<unknown>
}

/** One node of a cluster of node-redis. */
export interface NodeRedisClusterNode {
  readonly address: string
  readonly client?: { readonly isReady: boolean } | undefined
}

/** What `createCluster` of node-redis 5 or 6 returns. */
export interface NodeRedisCluster extends Emitter {
  readonly isOpen: boolean
  readonly masters: readonly NodeRedisClusterNode[]
  readonly replicas: readonly NodeRedisClusterNode[]
  sendCommand(
    firstKey: string | Buffer | undefined,
    isReadonly: boolean | undefined,
    args: readonly (string | Buffer)[],
    options?: object,
  ): Promise<unknown>
  nodeClient(node: NodeRedisClusterNode): Promise<NodeRedisClient> | NodeRedisClient
  connect(): Promise<unknown>
  destroy(): void
}

/** What `createSentinel` of node-redis 5 or 6 returns. */
export interface NodeRedisSentinel extends Emitter {
  readonly isOpen: boolean
  readonly isReady: boolean
  sendCommand(isReadonly: boolean | undefined, args: readonly (string | Buffer)[], options?: object): Promise<unknown>
  getMasterNode(): { readonly host: string; readonly port: number } | undefined
  subscribe(channels: string | string[], listener: MessageListener, withBytes: true): Promise<unknown>
  unsubscribe(channels: string | string[], listener: MessageListener, withBytes: true): Promise<unknown>
  connect(): Promise<unknown>
  destroy(): Promise<unknown>
}

/** A client of one of the supported packages. */
export type RedisClient = IoredisClient | IoredisCluster | NodeRedisClient | NodeRedisCluster | NodeRedisSentinel
