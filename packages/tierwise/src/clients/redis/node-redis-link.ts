import type { NodeRedisClient } from './client-shapes.ts'
import { bytesAsBuffer } from './argument.ts'
import type { LinkNode, LinkWatcher, RedisLink } from './link.ts'
import type { Listener } from './subscriber/listener.ts'
import { listeningNodeRedis, NodeRedisListener } from './subscriber/node-redis-listener.ts'
import type { RedisArgument, RedisCommand } from './port.ts'

/**
 * What node-redis makes of each type of reply, by the type's character in RESP. Both protocols then give the same: bytes
 * for texts, flat lists for maps and sets.
 */
export const nodeRedisReplies: object = {
  typeMapping: {
    ['$'.charCodeAt(0)]: Buffer,
    ['+'.charCodeAt(0)]: Buffer,
    ['='.charCodeAt(0)]: Buffer,
    ['%'.charCodeAt(0)]: Array,
    ['~'.charCodeAt(0)]: Array,
    [','.charCodeAt(0)]: String,
    ['('.charCodeAt(0)]: String,
  },
  // A default of five seconds makes a timer and a signal for each command; it only bounds the wait for a connection.
  timeout: undefined,
}

/** How the opening of a socket ends. */
const dialed = ['connect', 'error'] as const

/** One server through node-redis. */
export class NodeRedisLink implements RedisLink, LinkNode {
  readonly package = 'node-redis'
  readonly topology = 'single'
  readonly address: string
  readonly #client: NodeRedisClient
  /** A socket is being opened, of which the client itself knows nothing yet. */
  #isDialing = false

  constructor(client: NodeRedisClient, address: string = nodeRedisAddress(client)) {
    this.#client = client
    this.address = address
  }

  get isReady(): boolean {
    return this.#client.isReady
  }

  start(): void {
    if (this.#client.isOpen) return
    this.#isDialing = true
    this.#client.connect().catch(() => {})
  }

  send(command: RedisCommand | readonly RedisArgument[]): Promise<unknown> {
    return callNodeRedis(this.#client, 'args' in command ? command.args : command)
  }

  renew(): void {
    renewNodeRedis(this.#client)
  }

  async listen(): Promise<Listener> {
    return listenerOfNodeRedis(this.#client)
  }

  async primaries(): Promise<readonly LinkNode[]> {
    return [this]
  }

  connections(): readonly LinkNode[] {
    return [this]
  }

  watch(watcher: LinkWatcher): () => void {
    const unlisten = listenToNodeRedis(this.#client, watcher)
    const begun = (): void => void (this.#isDialing = true)
    const over = (): void => void (this.#isDialing = false)
    this.#client.on('reconnecting', begun)
    for (const event of dialed) this.#client.on(event, over)
    return () => {
      unlisten()
      this.#client.removeListener('reconnecting', begun)
      for (const event of dialed) this.#client.removeListener(event, over)
    }
  }

  /** Destroying the client while it opens a socket would leave that socket, which then connects and stays. */
  async destroy(): Promise<void> {
    if (!this.#client.isOpen) return
    if (this.#isDialing)
      await new Promise<void>((resolve) => {
        for (const event of dialed) this.#client.on(event, () => resolve())
      })
    if (this.#client.isOpen) this.#client.destroy()
  }
}

export function listenerOfNodeRedis(client: NodeRedisClient): Listener {
  const own = listeningNodeRedis(client)
  return new NodeRedisListener(own, new NodeRedisLink(own))
}

export function callNodeRedis(client: NodeRedisClient, args: readonly RedisArgument[]): Promise<unknown> {
  return client.sendCommand(args.map(bytesAsBuffer), nodeRedisReplies)
}

/** The package has no way to drop a connection and keep the client, but a client that was destroyed connects again. */
export function renewNodeRedis(client: NodeRedisClient): void {
  if (!client.isOpen) return
  client.destroy()
  client.connect().catch(() => {})
}

export function listenToNodeRedis(
  client: Pick<NodeRedisClient, 'on' | 'removeListener'>,
  watcher: LinkWatcher,
): () => void {
  const ready = (): void => watcher.ready()
  const failed = (error?: unknown): void => watcher.failed(error)
  client.on('ready', ready)
  client.on('error', failed)
  client.on('end', failed)
  return () => {
    client.removeListener('ready', ready)
    client.removeListener('error', failed)
    client.removeListener('end', failed)
  }
}

function nodeRedisAddress(client: NodeRedisClient): string {
  const { url, socket } = (client as { options?: ClientOptions }).options ?? {}
  const { hostname = '', port = '' } = url !== undefined && URL.canParse(url) ? new URL(url) : {}
  return `${socket?.host ?? (hostname || 'localhost')}:${socket?.port ?? (port || 6379)}`
}

interface ClientOptions {
  readonly url?: string
  readonly socket?: { readonly host?: string; readonly port?: number }
}
