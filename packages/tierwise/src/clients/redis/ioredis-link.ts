import type { Socket } from 'node:net'
import type { Timer, Timers } from '../../contract/runtime.ts'
import { bytesAsBuffer } from './argument.ts'
import { atEndOfTick } from './end-of-tick.ts'
import type { IoredisClient } from './client-shapes.ts'
import type { LinkNode, LinkWatcher, RedisLink } from './link.ts'
import { IoredisListener, listeningIoredis } from './subscriber/ioredis-listener.ts'
import type { Listener } from './subscriber/listener.ts'
import type { RedisArgument, RedisCommand, RedisPackage } from './port.ts'

/** How a client is started again that has ended although nobody ended it. */
export interface Revival {
  readonly timers: Timers
  readonly pauseMs: () => number
}

/** One server, or the primary behind Sentinel, through ioredis or iovalkey. */
export class IoredisLink implements RedisLink, LinkNode {
  readonly topology = 'single'
  readonly package: RedisPackage
  readonly #client: IoredisClient
  #isDestroyed = false
  #again: Timer | undefined

  /** Without a revival a client that has ended stays so. */
  constructor(client: IoredisClient, revival?: Revival) {
    this.#client = client
    this.package = ioredisPackage(client.options)
    // Behind Sentinel the package gives up for good when it hears of a failover while it is being connected.
    if (revival !== undefined) client.on('end', () => this.#startAgain(revival))
  }

  get address(): string {
    return ioredisAddress(this.#client)
  }

  get isReady(): boolean {
    return this.#client.status === 'ready'
  }

  start(): void {
    const { status } = this.#client
    // The outcome arrives through the events; this promise only repeats it.
    if (status === 'wait' || status === 'end') this.#client.connect().catch(() => {})
  }

  send(command: RedisCommand | readonly RedisArgument[]): Promise<unknown> {
    writeTogether(this.#client)
    return callIoredis(this.#client, 'args' in command ? command.args : command)
  }

  renew(): void {
    destroySocket(this.#client)
  }

  async listen(): Promise<Listener> {
    return listenerOfIoredis(this.#client)
  }

  async primaries(): Promise<readonly LinkNode[]> {
    return [this]
  }

  connections(): readonly LinkNode[] {
    return [this]
  }

  watch(watcher: LinkWatcher): () => void {
    return listen(this.#client, watcher)
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true
    this.#again?.cancel()
    await endIoredis(this.#client)
  }

  #startAgain({ timers, pauseMs }: Revival): void {
    if (this.#isDestroyed) return
    this.#again?.cancel()
    this.#again = timers.after(pauseMs(), () => this.start())
  }
}

export function listenerOfIoredis(client: IoredisClient): Listener {
  const own = listeningIoredis(client)
  return new IoredisListener(own, new IoredisLink(own))
}

/** Both packages give the same clients; only ioredis has this option, since version 5.7. */
export function ioredisPackage(options: object): RedisPackage {
  return 'disableClientInfo' in options ? 'ioredis' : 'iovalkey'
}

export function ioredisAddress(client: IoredisClient): string {
  const { remoteAddress, remotePort } = socketOf(client) ?? {}
  const { host, port, sentinels } = client.options as { host?: string; port?: number; sentinels?: object | null }
  // Behind Sentinel the package keeps its own default in the options, not the server that it was led to.
  return sentinels
    ? remoteAddress === undefined
      ? 'the primary that Sentinel names'
      : `${remoteAddress}:${remotePort}`
    : `${host ?? remoteAddress ?? 'localhost'}:${port ?? remotePort ?? 6379}`
}

export function callIoredis(
  client: Pick<IoredisClient, 'callBuffer'>,
  args: readonly RedisArgument[],
): Promise<unknown> {
  const [name, ...rest] = args
  return client.callBuffer(String(name), ...rest.map(bytesAsBuffer))
}

/**
 * Each command of ioredis is a write of its own and costs a system call. The package's auto-pipelining avoids that, but
 * sends what may not share a pipeline (a script with the digest of which the server is ignorant, keys of two slots) in
 * one, and waits for the event loop to turn. A corked socket gives the same saving and leaves the commands apart.
 */
export function writeTogether(client: IoredisClient): void {
  const socket = socketOf(client)
  if (socket === undefined || socket.writableCorked > 0) return
  socket.cork()
  atEndOfTick(() => socket.uncork())
}

export function destroySocket(client: IoredisClient): void {
  socketOf(client)?.destroy()
}

/** `disconnect` alone only ends the sending side and waits for the server's, which a silent server never closes. */
async function endIoredis(client: IoredisClient): Promise<void> {
  if (client.status === 'end') return
  const socket = socketOf(client)
  const isOpen = socket !== undefined && !socket.destroyed
  const ended = new Promise<void>((resolve) => client.on('end', () => resolve()))
  client.disconnect()
  socket?.destroy()
  if (isOpen) await ended
}

function listen(client: IoredisClient, watcher: LinkWatcher): () => void {
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

/** Both packages keep their socket here, without describing it. */
function socketOf(client: IoredisClient): Socket | undefined {
  return (client as { stream?: Socket | null }).stream ?? undefined
}
