import type { Runtime, Timer } from '../../contract/runtime.ts'
import type { PostgresListener, PostgresSubscription } from './port.ts'

/** A connection that does nothing but listen. */
export interface ListenConnection {
  run(text: string): Promise<unknown>
  close(): Promise<void>
}

export interface ListenEvents {
  onMessage(channel: string, payload: string): void
  /** At most once, after the connection was made. */
  onLost(): void
}

export type ListenConnect = (events: ListenEvents) => Promise<ListenConnection>

const shortestPauseMs = 100
const longestPauseMs = 30_000
const heartbeatMs = 15_000

/**
 * The channels of a port over one connection, which is made again with growing pauses when it is lost.
 *
 * A connection that a firewall has dropped looks alive and brings nothing, so it is asked for an answer now and then.
 */
export class Listening {
  readonly #connect: ListenConnect
  readonly #runtime: Pick<Runtime, 'timers' | 'random'>
  readonly #listeners = new Map<string, Set<PostgresListener>>()
  #connection: Promise<ListenConnection> | undefined
  #retry: Timer | undefined
  #heartbeat: Timer | undefined
  #pauseMs = shortestPauseMs
  #isClosed = false

  constructor(connect: ListenConnect, runtime: Pick<Runtime, 'timers' | 'random'>) {
    this.#connect = connect
    this.#runtime = runtime
  }

  /** Resolves when messages from now on arrive; rejects when that cannot be had now. */
  async subscribe(channel: string, listener: PostgresListener): Promise<PostgresSubscription> {
    if (this.#isClosed) throw new Error('The connection to PostgreSQL is closed')
    const listeners = this.#listeners.get(channel) ?? new Set()
    listeners.add(listener)
    this.#listeners.set(channel, listeners)
    try {
      const connection = await this.#connected()
      await connection.run(`listen ${quoted(channel)}`)
    } catch (error) {
      this.#forget(channel, listener)
      throw error
    }
    return { close: () => this.#unsubscribe(channel, listener) }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listeners.clear()
    await this.#disconnect()
  }

  async #unsubscribe(channel: string, listener: PostgresListener): Promise<void> {
    this.#forget(channel, listener)
    if (this.#listeners.size === 0) return this.#disconnect()
    if (this.#listeners.has(channel)) return
    const connection = await this.#connection?.catch(() => undefined)
    await connection?.run(`unlisten ${quoted(channel)}`).catch(() => undefined)
  }

  #forget(channel: string, listener: PostgresListener): void {
    const listeners = this.#listeners.get(channel)
    listeners?.delete(listener)
    if (listeners?.size === 0) this.#listeners.delete(channel)
  }

  #connected(): Promise<ListenConnection> {
    if (this.#connection !== undefined) return this.#connection
    const isCurrent = (): boolean => this.#connection === making
    const making: Promise<ListenConnection> = this.#make(isCurrent).catch((error: unknown) => {
      if (isCurrent()) this.#connection = undefined
      throw error
    })
    this.#connection = making
    return making
  }

  /** `isCurrent`: nothing has taken its place; what becomes of a connection that was given up is nobody's concern. */
  async #make(isCurrent: () => boolean): Promise<ListenConnection> {
    let isLost = false
    const connection = await this.#connect({
      onMessage: (channel, payload) => {
        for (const { onMessage } of this.#listeners.get(channel) ?? []) onMessage(payload)
      },
      onLost: () => {
        if (isLost || this.#isClosed) return
        isLost = true
        if (isCurrent()) this.#lose()
      },
    })
    if (this.#isClosed) {
      await connection.close()
      throw new Error('The connection to PostgreSQL is closed')
    }
    this.#heartbeat?.cancel()
    this.#heartbeat = this.#runtime.timers.every(heartbeatMs, () => this.#checkAlive(connection, isCurrent))
    return connection
  }

  #checkAlive(connection: ListenConnection, isCurrent: () => boolean): void {
    const lose = (): void => void (isCurrent() && this.#lose())
    const deadline = this.#runtime.timers.after(heartbeatMs / 2, lose)
    void connection
      .run('select 1')
      .catch(lose)
      .finally(() => deadline.cancel())
  }

  #lose(): void {
    const lost = this.#connection
    if (lost === undefined || this.#isClosed) return
    this.#connection = undefined
    this.#heartbeat?.cancel()
    void lost.then((connection) => connection.close()).catch(() => undefined)
    this.#reconnectLater()
  }

  #reconnectLater(): void {
    if (this.#isClosed || this.#listeners.size === 0) return
    const pauseMs = this.#pauseMs * (0.5 + this.#runtime.random())
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs)
    this.#retry?.cancel()
    this.#retry = this.#runtime.timers.after(pauseMs, () => void this.#reconnect())
  }

  async #reconnect(): Promise<void> {
    try {
      const connection = await this.#connected()
      for (const channel of this.#listeners.keys()) await connection.run(`listen ${quoted(channel)}`)
      this.#pauseMs = shortestPauseMs
      for (const listeners of this.#listeners.values()) for (const { onGap } of listeners) onGap()
    } catch {
      if (this.#connection === undefined) this.#reconnectLater()
      else this.#lose()
    }
  }

  async #disconnect(): Promise<void> {
    const held = this.#connection
    this.#connection = undefined
    this.#retry?.cancel()
    this.#heartbeat?.cancel()
    const connection = await held?.catch(() => undefined)
    await connection?.close()
  }
}

function quoted(channel: string): string {
  return `"${channel.replaceAll('"', '""')}"`
}
