import { createHash } from 'node:crypto'

import { createRedisPorts } from '../../../src/clients/redis/create-ports.ts'
import { RedisFailure } from '../../../src/clients/redis/client-failure.ts'
import type { RedisArgument, RedisCommand, RedisNode, RedisPort, RedisReply } from '../../../src/clients/redis/port.ts'
import type { Listener, ListenerWatcher } from '../../../src/clients/redis/subscriber/listener.ts'
import type { Runtime } from '../../../src/contract/runtime.ts'
import type { Inbox } from '../../../src/testing/shared-store/inbox.ts'
import type { SharedOperation } from '../../../src/testing/shared-store/pauses.ts'
import type { Activity } from './activity.ts'
import { timed, type ServerTime } from './server-clock.ts'

export interface FaultyPortParts {
  readonly runtime: Pick<Runtime, 'timers' | 'random'>
  readonly topology: RedisPort['topology']
  readonly activity: Activity
  readonly time: ServerTime
  /** What is told goes this way. */
  readonly inbox: Inbox<() => void>
  /** Where the server is found; called for each `connect` until there was one. */
  readonly address: () => Promise<{ readonly host: string; readonly port: number }>
  /** How many entries the log of a lane keeps. */
  readonly logLength: number
  /** The way there, or back, of what the bus asks by itself. */
  readonly travel: (operation: SharedOperation, moment: 'before' | 'after') => Promise<void>
}

/** Quick to come back: a test waits for it. */
const connection = { heartbeat: false, backoff: { initial: 2, max: 5 } } as const

/** The digests of scripts as they are sent, by those of the library. */
class TimedScripts {
  readonly #digests = new Map<string, string>()

  /** What is sent for a command when it is. Throws for the digest of a script that was never sent, as a server does. */
  commandOf(args: readonly RedisArgument[]): (time: ServerTime) => readonly RedisArgument[] {
    const [command, script, ...rest] = args
    if (command !== 'EVAL' && command !== 'EVALSHA') return () => args
    const sent = command === 'EVAL' ? this.#add(String(script)) : this.#digests.get(String(script))
    if (sent === undefined) throw new RedisFailure('NOSCRIPT No matching script.', 'reply', 'NOSCRIPT')
    return (time) => [command, sent, ...rest, ...time.read()]
  }

  #add(source: string): string {
    const sent = timed(source)
    this.#digests.set(digestOf(source), digestOf(sent))
    return sent
  }
}

function digestOf(source: string): string {
  return createHash('sha1').update(source).digest('hex')
}

const scripts = new TimedScripts()

/** A real port whose scripts go by another clock, and whose messages and questions of the bus can be held up. */
export class FaultyPort implements RedisPort {
  readonly package = 'ioredis'
  readonly topology: RedisPort['topology']
  readonly listeners: Set<Listener> = new Set()
  readonly #parts: FaultyPortParts
  readonly #onConnect = new Set<() => void>()
  #inner: RedisPort | undefined
  #isBroken = false
  /** Listeners that have not noticed yet that they are cut off. */
  readonly #doomed = new Set<Listener>()
  #isClosed = false

  constructor(parts: FaultyPortParts) {
    this.#parts = parts
    this.topology = parts.topology
  }

  get isReady(): boolean {
    return this.#inner?.isReady === true
  }

  /** What has to be waited for: that the end of the connections is noticed, and then that they are made again. */
  unready(isCut: boolean): string | undefined {
    if (this.#isClosed || !this.#isBroken) return undefined
    if (this.#doomed.size > 0 || (isCut && this.isReady)) return 'that the connections have ended'
    return isCut ? undefined : 'a new connection'
  }

  /** The connections have just been cut. */
  noteCut(): void {
    this.#isBroken ||= this.isReady
    for (const listener of this.listeners) this.#doomed.add(listener)
  }

  connect(): Promise<void> {
    return this.#follow('connect', this.#connect())
  }

  async send({ args, key }: RedisCommand): Promise<RedisReply> {
    const { travel, time } = this.#parts
    const command = scripts.commandOf(args)
    const question = questionOf(args)
    if (question !== undefined) await travel(question.operation, 'before')
    if (question?.operation === 'resync') await this.#trimLog(String(args[4]))
    const sent = command(time)
    const reply = await this.#follow(
      String(args[0]),
      this.#port().send(key === undefined ? { args: sent } : { args: sent, key }),
    )
    if (question?.isAnswered === true) await travel(question.operation, 'after')
    return reply
  }

  async primaries(): Promise<readonly RedisNode[]> {
    const nodes = await this.#follow('primaries', this.#port().primaries())
    return nodes.map((node) => ({
      address: node.address,
      send: (args) => this.#sendTo(node, args),
      listen: async () => this.#listen(await node.listen()),
    }))
  }

  onConnect(listener: () => void): () => void {
    const own = (): void => listener()
    this.#onConnect.add(own)
    return () => this.#onConnect.delete(own)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#onConnect.clear()
    if (this.#inner !== undefined) await this.#follow('close', this.#inner.close())
  }

  async #connect(): Promise<void> {
    if (this.#inner === undefined) {
      const { address, runtime } = this.#parts
      const { primary } = createRedisPorts({ ...(await address()), client: 'ioredis', ...connection }, { runtime })
      primary.onConnect(() => {
        this.#isBroken = false
        for (const listener of this.#onConnect) listener()
      })
      this.#inner = primary
    }
    await this.#inner.connect()
  }

  async #sendTo(node: RedisNode, args: readonly RedisArgument[]): Promise<RedisReply> {
    const reply = await this.#follow(String(args[0]), node.send(args.includes('NODES') ? ['PING'] : args))
    if (args[0] === 'TIME') return this.#parts.time.read()
    // One server that stands for a cluster has all slots.
    return args.includes('NODES') ? `0 ${node.address}@0 myself,master - 0 0 1 connected 0-16383` : reply
  }

  #listen(listener: Listener): Listener {
    const { inbox, activity } = this.#parts
    const hear = (tell: () => void): void => {
      activity.note()
      inbox.push(() => {
        activity.note()
        tell()
      })
    }
    const watched = ({ message, touched, ended }: ListenerWatcher): ListenerWatcher => ({
      message: (channel, bytes) => hear(() => message(channel, bytes)),
      touched: (names) => hear(() => touched(names)),
      ended: (reason) => {
        activity.note()
        this.#forget(own)
        ended(reason)
      },
    })
    const own: Listener = {
      open: (watcher) => this.#follow('listen', listener.open(watched(watcher))),
      track: (prefixes) => this.#follow('track', listener.track(prefixes)),
      subscribe: async (channels, kind) => {
        await this.#follow('subscribe', listener.subscribe(channels, kind))
        this.listeners.add(own)
      },
      unsubscribe: (channels) => listener.unsubscribe(channels),
      ping: () => listener.ping(),
      close: () => {
        this.#forget(own)
        return this.#follow('deafen', listener.close())
      },
    }
    return own
  }

  #forget(listener: Listener): void {
    this.listeners.delete(listener)
    this.#doomed.delete(listener)
  }

  /** As if the log had never kept more. */
  async #trimLog(log: string): Promise<void> {
    const args = ['XTRIM', log, 'MAXLEN', String(this.#parts.logLength)]
    await this.#follow('XTRIM', this.#port().send({ args, key: log }))
  }

  #port(): RedisPort {
    if (this.#inner === undefined) throw new RedisFailure('There was no connection yet.', 'connection', undefined)
    return this.#inner
  }

  #follow<T>(what: string, work: Promise<T>): Promise<T> {
    return this.#parts.activity.follow(what, work)
  }
}

/** What the bus asks by itself; the tier asks everything else. */
interface Question {
  readonly operation: SharedOperation
  /** The answer says something, and can be held up. */
  readonly isAnswered: boolean
}

function questionOf(args: readonly RedisArgument[]): Question | undefined {
  const [command, script, count, ...rest] = args
  if (command === 'HMGET' && String(script).endsWith(':lane')) return { operation: 'poll', isAnswered: true }
  if (command !== 'EVAL' && command !== 'EVALSHA') return undefined
  const [first = '', second = ''] = rest.map(String)
  if (count === '1' && first.endsWith(':members'))
    return rest.length === 1 ? { operation: 'barrier', isAnswered: true } : { operation: 'poll', isAnswered: false }
  const isOfLog = count === '2' && first.endsWith(':lane') && second.endsWith(':log')
  return isOfLog ? { operation: 'resync', isAnswered: true } : undefined
}
