import type { Listener } from './subscriber/listener.ts'

/** Which package the connection is made of. */
export type RedisPackage = 'ioredis' | 'iovalkey' | 'node-redis'

export type RedisArgument = string | Uint8Array

/** What a server answers. Bulk strings are bytes; a status such as `OK` is bytes or text, depending on the package. */
export type RedisReply = Buffer | string | number | bigint | boolean | null | readonly RedisReply[]

/** One command. All keys of a command are in one slot; `key` is one of them and finds the node on a cluster. */
export interface RedisCommand {
  /** Name and arguments, for example `['PEXPIRE', key, '1000']`. Sub-commands are arguments of their own. */
  readonly args: readonly RedisArgument[]
  /** Undefined for a command without a key: any primary answers. */
  readonly key?: string
}

/** One primary of a deployment; alone where there is no cluster. */
export interface RedisNode {
  /** `host:port`, for messages; never with credentials. */
  readonly address: string
  send(args: readonly RedisArgument[]): Promise<RedisReply>
  /** A connection of its own to this server that only listens, not yet open. Whoever asks for it closes it. */
  listen(): Promise<Listener>
}

/**
 * A connection to Redis as the rest of the library uses it: one server, the primary behind Sentinel, or a cluster.
 *
 * Commands sent in one tick leave in one write to each node. Following MOVED and ASK, finding the new primary and
 * connecting again are the client's work. While there is no connection `send` rejects at once: nothing is queued.
 */
export interface RedisPort {
  readonly package: RedisPackage
  readonly topology: 'single' | 'cluster'
  /** Whether a command would be sent now. */
  readonly isReady: boolean
  /** Resolves when commands can be sent, rejects with why not. May be called again, also after a failure. */
  connect(): Promise<void>
  /** Rejects with the server's error reply, its first word kept (`NOSCRIPT`, `OOM`, `READONLY`), or the connection's error. */
  send(command: RedisCommand): Promise<RedisReply>
  /** Every primary as the deployment is now. */
  primaries(): Promise<readonly RedisNode[]>
  /** Calls `listener` whenever a connection has been made, the first time included; returns what ends it. */
  onConnect(listener: () => void): () => void
  /** Closes what was created here; a client that was handed in stays open and keeps its listeners. Idempotent. */
  close(): Promise<void>
}

/** Where a tier sends what. */
export interface RedisPorts {
  readonly primary: RedisPort
  /** Reads that may be answered by a read replica; undefined unless asked for. */
  readonly replica?: RedisPort
}
