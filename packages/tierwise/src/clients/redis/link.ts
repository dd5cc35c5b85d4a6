import type { Listener } from './subscriber/listener.ts'
import type { RedisArgument, RedisCommand, RedisPackage } from './port.ts'

export interface LinkWatcher {
  /** A connection has been made. */
  ready(): void
  /** An attempt failed or a connection was lost. */
  failed(error: unknown): void
}

/** One server of a link. */
export interface LinkNode {
  /** `host:port`. */
  readonly address: string
  send(args: readonly RedisArgument[]): Promise<unknown>
  /** Drops the connection to this server, so that the client makes a new one. */
  renew(): void
  /** A connection of its own to this server that only listens, not yet open. */
  listen(): Promise<Listener>
}

/**
 * One client of one package behind one face. What all ports have in common is built on it once, in `ClientPort`.
 * `send` may reject with whatever the package throws.
 */
export interface RedisLink {
  readonly package: RedisPackage
  readonly topology: 'single' | 'cluster'
  /** For messages: `host:port` or what else is known, never with credentials. */
  readonly address: string
  readonly isReady: boolean
  /** Begins to connect unless that has begun. What comes of it is told to the watcher. */
  start(): void
  /** Only called while ready. */
  send(command: RedisCommand): Promise<unknown>
  primaries(): Promise<readonly LinkNode[]>
  /** The connections that are open now. */
  connections(): readonly LinkNode[]
  /** Adds listeners; what is returned removes exactly these. */
  watch(watcher: LinkWatcher): () => void
  /** Ends the client for good. Never called for a client that was handed in. */
  destroy(): Promise<void>
}
