import { connect, createServer, type Server, type Socket } from 'node:net'
import { systemRuntime } from '../base/runtime.ts'
import type { Runtime } from '../contract/runtime.ts'
import { ProxyStream, type StreamFault } from './proxy-stream.ts'
import { freePort, loopback } from './servers/ports.ts'

/** Requests travel to the target, answers to the client. */
export type ProxyDirection = 'to-target' | 'to-client'

/** What a fault of a proxy applies to. */
export interface ProxyFaultScope {
  /** Each fault has its own default. */
  readonly direction?: ProxyDirection | 'both'
  /** `existing` makes the open connections half-open while new ones are fine; `new` the opposite. Default: `all`. */
  readonly connections?: 'all' | 'existing' | 'new'
}

export interface TcpProxyOptions {
  readonly target: { readonly host: string; readonly port: number }
  /** Times delays and throttling. Default: the real clock. */
  readonly runtime?: Runtime
}

/** What went through one direction of a proxy since it was started. */
export interface ProxyTraffic {
  /** Bytes read from the sender. */
  readonly received: number
  /** Bytes handed on to the receiver. */
  readonly forwarded: number
  /** Reads it took to receive the bytes: small writes of a client that does not batch are many. */
  readonly reads: number
}

export interface ProxyCounters {
  /** Connections accepted since the start. */
  readonly connections: number
  /** Connections that the client has not ended. */
  readonly open: number
  readonly toTarget: ProxyTraffic
  readonly toClient: ProxyTraffic
}

/**
 * A TCP proxy on a free loopback port, in front of a real server. It does nothing until a fault is switched on; a fault
 * applies to live connections at once and replaces the one before in the same direction.
 *
 * It accepts before it has reached the target. When the target is not there, the connection is reset.
 */
export interface TcpProxy {
  readonly host: string
  readonly port: number
  readonly counters: ProxyCounters
  /** Lifts the faults, also a refusal. What was held back is delivered in order, unless the connection was cut. */
  pass(scope?: ProxyFaultScope): Promise<void>
  /**
   * Reads and holds everything back, the end of the connection too: the receiver hears nothing more. Default direction:
   * `to-client`, so requests arrive and are never answered.
   */
  silence(scope?: ProxyFaultScope): void
  /** Hands everything on that many milliseconds after it came. Default direction: `to-client`. */
  delay(ms: number, scope?: ProxyFaultScope): void
  /** Hands on at most so many bytes a second for each connection. Default direction: `both`. */
  throttle(bytesPerSecond: number, scope?: ProxyFaultScope): void
  /**
   * Stops to read from the sender, whose buffers fill; those of the system come first and take megabytes. Default
   * direction: `to-target`, which fills the client's; `to-client` fills the server's.
   */
  stopReading(scope?: ProxyFaultScope): void
  /** New connections fail: `closed` as if nobody listened, `reset` right after they were accepted. Default: `closed`. */
  refuse(how?: 'closed' | 'reset'): Promise<void>
  /** Ends all connections now, by a reset or by an orderly end. Default: `reset`. New connections are not affected. */
  cut(how?: 'reset' | 'end'): void
  /** Cuts all connections and stops to listen. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a proxy. */
export async function tcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  for (let attempt = 1; ; attempt++) {
    const proxy = new LoopbackProxy(options, await freePort())
    try {
      await proxy.listen()
      return proxy
    } catch (error) {
      // Somebody else may have taken the port since it was looked at.
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === 5) throw error
    }
  }
}

interface Connection {
  readonly client: Socket
  readonly target: Socket
  readonly streams: Readonly<Record<ProxyDirection, ProxyStream>>
}

class LoopbackProxy implements TcpProxy {
  readonly host: string = loopback
  readonly port: number
  readonly #target: TcpProxyOptions['target']
  readonly #runtime: Runtime
  readonly #connections = new Set<Connection>()
  readonly #forNew: Record<ProxyDirection, StreamFault> = {
    'to-target': { kind: 'pass' },
    'to-client': { kind: 'pass' },
  }
  readonly #traffic: Readonly<Record<ProxyDirection, TrafficCount>> = {
    'to-target': new TrafficCount(),
    'to-client': new TrafficCount(),
  }
  #accepted = 0
  #resetsNew = false
  #server: Server | undefined

  constructor({ target, runtime = systemRuntime() }: TcpProxyOptions, port: number) {
    this.#target = target
    this.#runtime = runtime
    this.port = port
  }

  get counters(): ProxyCounters {
    return {
      connections: this.#accepted,
      open: [...this.#connections].filter(({ client }) => !client.readableEnded && !client.destroyed).length,
      toTarget: this.#traffic['to-target'].read(),
      toClient: this.#traffic['to-client'].read(),
    }
  }

  async listen(): Promise<void> {
    if (this.#server) return
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port: this.port, host: this.host, exclusive: true }, resolve)
    })
  }

  async pass(scope: ProxyFaultScope = {}): Promise<void> {
    this.#apply({ kind: 'pass' }, { direction: 'both', ...scope })
    this.#resetsNew = false
    await this.listen()
  }

  silence(scope: ProxyFaultScope = {}): void {
    this.#apply({ kind: 'silence' }, { direction: 'to-client', ...scope })
  }

  delay(ms: number, scope: ProxyFaultScope = {}): void {
    this.#apply({ kind: 'delay', ms }, { direction: 'to-client', ...scope })
  }

  throttle(bytesPerSecond: number, scope: ProxyFaultScope = {}): void {
    this.#apply({ kind: 'throttle', bytesPerSecond }, { direction: 'both', ...scope })
  }

  stopReading(scope: ProxyFaultScope = {}): void {
    this.#apply({ kind: 'stop-reading' }, { direction: 'to-target', ...scope })
  }

  async refuse(how: 'closed' | 'reset' = 'closed'): Promise<void> {
    this.#resetsNew = how === 'reset'
    if (how === 'reset') return this.listen()
    this.#stopListening()
  }

  cut(how: 'reset' | 'end' = 'reset'): void {
    for (const { client, target } of this.#connections) {
      for (const socket of [client, target]) {
        if (how === 'end' || socket.connecting) socket.destroy()
        else socket.resetAndDestroy()
      }
    }
    this.#connections.clear()
  }

  async close(): Promise<void> {
    this.#stopListening()
    this.cut()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #stopListening(): void {
    this.#server?.close()
    this.#server = undefined
  }

  #apply(fault: StreamFault, { direction = 'both', connections = 'all' }: ProxyFaultScope): void {
    for (const each of ['to-target', 'to-client'] as const) {
      if (direction !== 'both' && direction !== each) continue
      if (connections !== 'existing') this.#forNew[each] = fault
      if (connections === 'new') continue
      for (const { streams } of this.#connections) streams[each].apply(fault)
    }
  }

  #accept(client: Socket): void {
    this.#accepted++
    client.on('error', ignore)
    if (this.#resetsNew) return void client.resetAndDestroy()
    const target = connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    target.on('error', ignore)
    const connection: Connection = { client, target, streams: this.#streams(client, target) }
    this.#connections.add(connection)
    const forget = (): void => {
      if (client.closed && target.closed) this.#connections.delete(connection)
    }
    client.on('close', forget)
    target.on('close', forget)
    for (const each of ['to-target', 'to-client'] as const) connection.streams[each].apply(this.#forNew[each])
  }

  #streams(client: Socket, target: Socket): Connection['streams'] {
    const { 'to-target': toTarget, 'to-client': toClient } = this.#traffic
    return {
      'to-target': new ProxyStream({ source: client, sink: target }, this.#runtime, toTarget),
      'to-client': new ProxyStream({ source: target, sink: client }, this.#runtime, toClient),
    }
  }
}

class TrafficCount {
  #received = 0
  #forwarded = 0
  #reads = 0

  received(bytes: number): void {
    this.#received += bytes
    this.#reads++
  }

  forwarded(bytes: number): void {
    this.#forwarded += bytes
  }

  read(): ProxyTraffic {
    return { received: this.#received, forwarded: this.#forwarded, reads: this.#reads }
  }
}

/** A broken connection is news for the two ends, not for the proxy; the close that follows is handed on. */
function ignore(): void {}
