import { SlotMoved } from './slot-moved.ts'
import { withDeadline } from '../../../base/deadline.ts'
import type { Random, Timer, Timers } from '../../../contract/runtime.ts'
import { backoffDelay } from '../back-off.ts'
import type { Backoff, Heartbeat } from '../connection.ts'
import type { RedisNode, RedisPort } from '../port.ts'
import { Connection } from './connection.ts'
import type { ChannelKind } from './listener.ts'
import { hasSlot, ownSlots, type SlotRange } from './own-slots.ts'

export interface SubscriberChannel {
  readonly name: string
  /** Of the cluster; without meaning elsewhere. */
  readonly slot: number
}

export interface SubscriberWatcher {
  message(channel: string, message: Buffer): void
  /** The names of keys that anybody has changed; undefined for all of them. */
  touched(names: readonly string[] | undefined): void
  /** From here on everything published to the channels, and every tracked change of a key, is told. What came before may be missing. */
  listening(channels: readonly string[]): void
  /** Something has failed and is tried again. */
  failed(reason: unknown): void
}

export interface SubscriberOptions {
  /** Says which servers there are, and makes the connections that listen. */
  readonly port: RedisPort
  /** More may be added later. */
  readonly channels: readonly SubscriberChannel[]
  /** `sharded`: each channel is heard at the primary that owns its slot. `classic`: all at one server. */
  readonly kind: ChannelKind
  /** Names that begin with one of these are tracked on every primary. */
  readonly tracking: readonly string[]
  readonly runtime: { readonly timers: Timers; readonly random: Random }
  readonly watcher: SubscriberWatcher
  readonly openTimeoutMs?: number
  readonly backoff?: Backoff
  readonly heartbeat?: Heartbeat
}

const defaults = {
  openTimeoutMs: 5_000,
  backoff: { initialMs: 50, maxMs: 2_000, jitter: 0.5 },
  heartbeat: { intervalMs: 5_000, timeoutMs: 5_000 },
}

/** With tracking every primary has to be heard, one that was added too; nothing tells of one that has no channel yet. */
const lookAgainMs = 5_000

/**
 * Connections of their own that only listen: one to a single server or to the primary behind Sentinel, one to each
 * primary of a cluster. They are made again for ever, and follow slots and failovers; each time that a channel may have
 * missed something `listening` says so.
 *
 * The packages' own subscriptions on clusters are not used: they listen at nodes of their choice, or subscribe again
 * without a word.
 */
export class Subscriber {
  readonly #options: Required<SubscriberOptions>
  readonly #channels: Map<string, SubscriberChannel>
  readonly #connections = new Map<string, Connection>()
  /** On their way to being closed. */
  readonly #parted = new Set<Connection>()
  #unlisten: (() => void) | undefined
  #retry: Timer | undefined
  #look: Timer | undefined
  #attempt = 0
  #arranging: Promise<void> | undefined
  #isOutdated = false
  #isComplete = false
  #isClosed = false

  constructor(options: SubscriberOptions) {
    this.#options = { ...defaults, ...options, tracking: withoutCovered(options.tracking) }
    this.#channels = new Map(options.channels.map((channel) => [channel.name, channel]))
  }

  start(): void {
    const { port, tracking, runtime } = this.#options
    // A connection for commands that was made anew may go to another server than before.
    this.#unlisten = port.onConnect(() => this.#arrange())
    if (tracking.length > 0 && port.topology === 'cluster')
      this.#look = runtime.timers.every(lookAgainMs, () => this.#arrange())
    this.#arrange()
  }

  /** `listening` tells from when on it is heard. */
  add(channel: SubscriberChannel): void {
    this.#channels.set(channel.name, channel)
    this.#arrange()
  }

  /** Ends listening to a channel; of the kind `classic` only. The connection stays for those that are added later. */
  remove(channel: string): void {
    if (this.#channels.delete(channel)) for (const connection of this.#connections.values()) connection.leave(channel)
  }

  isListeningTo(channel: string): boolean {
    for (const connection of this.#connections.values()) if (connection.hears(channel)) return true
    return false
  }

  /** Makes the connections anew that ought to hear the channel and do not. */
  renew(channel: string): void {
    const deaf = [...this.#connections.values()].filter((connection) => connection.has(channel))
    for (const connection of deaf) connection.end(new Error('published messages did not arrive'))
    if (deaf.length === 0) this.#arrange()
  }

  /** Rejects unless all that was published and changed before has been told. */
  async prove(): Promise<void> {
    if (!this.#isComplete) throw new Error('Not every server is listened to.')
    await Promise.all([...this.#connections.values()].map((connection) => connection.prove()))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#unlisten?.()
    this.#retry?.cancel()
    this.#look?.cancel()
    await Promise.all([...this.#parted, ...this.#connections.values()].map((connection) => connection.close()))
  }

  #part(connection: Connection): void {
    this.#parted.add(connection)
    void connection.close().finally(() => this.#parted.delete(connection))
  }

  #arrange(): void {
    if (this.#isClosed) return
    this.#retry?.cancel()
    this.#retry = undefined
    this.#isOutdated = true
    if (this.#arranging !== undefined) return
    const { runtime, openTimeoutMs, watcher } = this.#options
    this.#isOutdated = false
    const late = { timers: runtime.timers, error: () => new Error('the servers cannot be found out') }
    this.#arranging = withDeadline(this.#findServers(), openTimeoutMs, late)
      .then(
        (servers) => this.#settle(servers),
        (error: unknown) => {
          this.#isComplete = false
          watcher.failed(error)
          this.#arrangeLater()
        },
      )
      .finally(() => {
        this.#arranging = undefined
        if (this.#isOutdated) this.#arrange()
      })
  }

  #arrangeLater(): void {
    if (this.#isClosed || this.#retry !== undefined) return
    const { backoff, runtime } = this.#options
    this.#retry = runtime.timers.after(backoffDelay(backoff, ++this.#attempt, runtime.random), () => this.#arrange())
  }

  async #findServers(): Promise<readonly Server[]> {
    const { port, kind } = this.#options
    const nodes = await port.primaries()
    if (port.topology === 'single' || kind === 'classic') return nodes.map((node) => ({ node, slots: undefined }))
    const found = await Promise.all(nodes.map((node) => slotsOf(node).catch(() => [])))
    return nodes.map((node, index) => ({ node, slots: found[index] ?? [] }))
  }

  #settle(servers: readonly Server[]): void {
    if (this.#isClosed) return
    const wanted = this.#assign(servers)
    for (const [address, connection] of this.#connections)
      if (!wanted.has(address)) {
        this.#connections.delete(address)
        this.#part(connection)
      }
    for (const [address, { node, channels }] of wanted) this.#connect(address, node, channels)
    const heard = new Set([...wanted.values()].flatMap(({ channels }) => channels))
    this.#isComplete = [...this.#channels.keys()].every((name) => heard.has(name))
    if (!this.#isComplete) this.#arrangeLater()
  }

  /** Which server has to be connected for which channels, by address. */
  #assign(servers: readonly Server[]): Map<string, { readonly node: RedisNode; readonly channels: readonly string[] }> {
    const { tracking } = this.#options
    const channels = [...this.#channels.values()]
    // A classic message reaches every node of a cluster; the one that is used stays so while it is there.
    const one = servers.find(({ node }) => this.#connections.has(node.address)) ?? servers[0]
    const wanted = new Map<string, { readonly node: RedisNode; readonly channels: readonly string[] }>()
    for (const server of servers) {
      const { node, slots } = server
      const own = channels.filter(({ slot }) => (slots === undefined ? server === one : hasSlot(slots, slot)))
      if (own.length > 0 || tracking.length > 0)
        wanted.set(node.address, { node, channels: own.map(({ name }) => name) })
    }
    return wanted
  }

  #connect(address: string, node: RedisNode, channels: readonly string[]): void {
    const held = this.#connections.get(address)
    if (held !== undefined) return held.listenTo(channels)
    const { watcher, kind, tracking, runtime, openTimeoutMs, heartbeat } = this.#options
    const connection = new Connection({
      node,
      kind,
      tracking,
      timers: runtime.timers,
      openTimeoutMs,
      heartbeat,
      watcher: {
        message: (channel, message) => watcher.message(channel, message),
        touched: (names) => watcher.touched(names),
        listening: (heard) => {
          this.#attempt = 0
          watcher.listening(heard)
        },
        ended: (reason) => {
          if (this.#connections.get(address) === connection) this.#connections.delete(address)
          this.#part(connection)
          this.#isComplete = false
          if (!(reason instanceof SlotMoved)) watcher.failed(reason)
          this.#arrangeLater()
        },
      },
    })
    this.#connections.set(address, connection)
    connection.listenTo(channels)
    connection.open()
  }
}

interface Server {
  readonly node: RedisNode
  /** Undefined: the server hears whatever is published. */
  readonly slots: readonly SlotRange[] | undefined
}

async function slotsOf(node: RedisNode): Promise<readonly SlotRange[]> {
  return ownSlots(String(await node.send(['CLUSTER', 'NODES'])))
}

/** The server refuses prefixes that overlap. */
function withoutCovered(prefixes: readonly string[]): readonly string[] {
  const unique = [...new Set(prefixes)]
  return unique.filter((prefix) => !unique.some((other) => other !== prefix && prefix.startsWith(other)))
}
