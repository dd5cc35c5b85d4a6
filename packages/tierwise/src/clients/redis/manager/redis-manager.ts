import { withDeadline } from '../../../base/deadline.ts'
import type { Duration } from '../../../contract/options.ts'
import type { Timer } from '../../../contract/runtime.ts'
import { CacheError, TierError, TimeoutError } from '../../../errors.ts'
import type { RedisPorts } from '../port.ts'
import { SecurityEventLog, type RedisSecurityEvent } from '../security/event-log.ts'
import { refusalOf } from '../security/refusal.ts'
import { checkSecurity, type RedisSecurityStatus } from '../security/security-status.ts'
import { CommandCounters, type RedisManagerStats } from './command-counters.ts'
import { CommandLimit } from './command-limit.ts'
import { CommandRunner } from './command-runner.ts'
import { HealthCheck, type RedisHealth } from './health-check.ts'
import { KeyCommands, type RedisSetManyOptions, type RedisSetOptions, type RedisValue } from './key-commands.ts'
import { Listeners, type RedisManagerEventName, type RedisManagerEvents } from './listeners.ts'
import { ManagedPort } from './managed-port.ts'
import type { ManagerSettings } from './options.ts'
import { bytesOf, replyCodeOf, textOf } from './reply.ts'

/**
 * A connection to Redis with its life, its health and its security, and the plain commands of an application.
 *
 * A tier may use the same connection: `redis({ manager })`. The commands here work on plain keys and plain values beside
 * the cache. Each takes at most `commandTimeout`, retries included, and rejects with a `TierError` or a `TimeoutError`.
 */
export class RedisManager {
  /** What a tier sends through. They stay the same over `disconnect()` and `connect()`. */
  readonly ports: RedisPorts
  readonly #settings: ManagerSettings
  readonly #primary: ManagedPort
  readonly #replica: ManagedPort | undefined
  readonly #commands: KeyCommands
  readonly #counters = new CommandCounters()
  readonly #check: HealthCheck
  readonly #securityLog = new SecurityEventLog()
  readonly #listeners = new Listeners()
  #opened: RedisPorts | undefined
  #connecting: Promise<void> | undefined
  #disconnecting: Promise<void> | undefined
  #healthTimer: Timer | undefined
  #checking: Promise<RedisHealth> | undefined

  /** @internal Use `createRedisManager`. */
  constructor(settings: ManagerSettings) {
    this.#settings = settings
    const { runtime, name, health } = settings
    const onFailure = (operation: string, error: unknown): void => this.#noteRefusal(operation, error)
    this.#primary = new ManagedPort({ open: () => this.#open().primary, onFailure })
    this.#replica = settings.hasReplica
      ? new ManagedPort({ open: () => this.#open().replica ?? this.#open().primary, onFailure })
      : undefined
    this.ports = this.#replica ? { primary: this.#primary, replica: this.#replica } : { primary: this.#primary }
    const { commandTimeoutMs: timeoutMs, retry } = settings
    const limit = settings.limit && new CommandLimit(settings.limit, runtime.clock)
    const counters = this.#counters
    const runner = new CommandRunner({ name, port: this.#primary, runtime, timeoutMs, retry, counters, limit })
    this.#commands = new KeyCommands(runner, () => this.#primary.topology === 'cluster')
    this.#check = new HealthCheck({ port: this.#primary, runtime, ...health })
  }

  /** Server and database, for example `cache.internal:6379/0`; never with credentials. */
  get place(): string {
    return this.#settings.place
  }

  /** Whether a command would be sent now. */
  get isConnected(): boolean {
    return this.#primary.isReady
  }

  /**
   * Connects and begins the health loop. Idempotent; may be called again after a failure and after `disconnect()`.
   *
   * @throws TierError ERR_CACHE_TIER_OPEN when there is no connection, or it is less secure than `minimumSecurity`; then nothing stays open
   * @throws TimeoutError ERR_CACHE_TIER_TIMEOUT after `connectTimeout`
   */
  connect(): Promise<void> {
    if (this.#connecting !== undefined) return this.#connecting
    const connecting = this.#start(this.#disconnecting).catch(async (error: unknown) => {
      if (this.#connecting === connecting) this.#connecting = undefined
      await this.#closePorts()
      throw error
    })
    this.#connecting = connecting
    return connecting
  }

  /** Ends the health loop and every connection that was made here; a client that was handed in stays open. Idempotent. */
  disconnect(): Promise<void> {
    const connecting = this.#connecting
    if (connecting === undefined && this.#disconnecting !== undefined) return this.#disconnecting
    const disconnecting = this.#stop(connecting, this.#disconnecting).finally(() => {
      if (this.#disconnecting === disconnecting) this.#disconnecting = undefined
    })
    this.#connecting = undefined
    this.#disconnecting = disconnecting
    return disconnecting
  }

  /** As `disconnect`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }

  /** The value as text; undefined when the key is absent. */
  async get(key: string): Promise<string | undefined> {
    return textOf(await this.#connected('get').get(key))
  }

  /** The value as it is stored; undefined when the key is absent. */
  async getBuffer(key: string): Promise<Buffer | undefined> {
    return bytesOf(await this.#connected('getBuffer').get(key))
  }

  /** Whether it was written: false when `nx` or `xx` was not met. */
  async set(key: string, value: RedisValue, options: RedisSetOptions = {}): Promise<boolean> {
    return this.#connected('set').set(key, value, options)
  }

  /** How many of the keys were held. */
  async delete(...keys: readonly string[]): Promise<number> {
    return this.#connected('delete').delete(keys)
  }

  async exists(key: string): Promise<boolean> {
    return this.#connected('exists').exists(key)
  }

  /** Gives the key a new life; false when it is absent. */
  async expire(key: string, ttl: Duration): Promise<boolean> {
    return this.#connected('expire').expire(key, ttl)
  }

  /** Milliseconds the key has left: `Infinity` for no end, undefined when it is absent. */
  async ttl(key: string): Promise<number | undefined> {
    return this.#connected('ttl').ttl(key)
  }

  /** The values as texts, one for each key, in order. */
  async mget(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    return (await this.#connected('mget').mget(keys)).map((reply) => textOf(reply))
  }

  /** Writes all; at once on one server without a ttl, otherwise one after the other. */
  async mset(
    entries: Iterable<readonly [string, RedisValue]> | Readonly<Record<string, RedisValue>>,
    options: RedisSetManyOptions = {},
  ): Promise<void> {
    const pairs =
      Symbol.iterator in entries ? [...(entries as Iterable<[string, RedisValue]>)] : Object.entries(entries)
    return this.#connected('mset').mset(pairs, options)
  }

  /** The number afterwards; an absent key counts from 0. Never sent twice. */
  async increment(key: string, by = 1): Promise<number> {
    return this.#connected('increment').add('increment', key, by)
  }

  /** The number afterwards; an absent key counts from 0. Never sent twice. */
  async decrement(key: string, by = 1): Promise<number> {
    return this.#connected('decrement').add('decrement', key, by)
  }

  stats(): RedisManagerStats {
    return this.#counters.snapshot()
  }

  /** Looks at every primary now. Never rejects: a server that cannot be asked is a finding. Checks that overlap are one. */
  health(): Promise<RedisHealth> {
    this.#checking ??= this.#check
      .run()
      .then((health) => {
        this.#listeners.tell('health', health)
        return health
      })
      .finally(() => (this.#checking = undefined))
    return this.#checking
  }

  /**
   * Looks at the servers from outside and at the rights of the own user. Works without a connection too, for example
   * when a certificate has expired. Opens one short connection to each server.
   */
  securityStatus(): Promise<RedisSecurityStatus> {
    const { runtime, securitySubject: subject, connectTimeoutMs: timeoutMs } = this.#settings
    return checkSecurity({ subject, port: this.#primary, runtime, timeoutMs })
  }

  /** The last 1000 refusals, oldest first: name or password refused, right missing, certificate not accepted. */
  securityEvents(): readonly RedisSecurityEvent[] {
    return this.#securityLog.list()
  }

  /** Calls `listener` from now on; returns what ends it. */
  on<N extends RedisManagerEventName>(name: N, listener: (event: RedisManagerEvents[N]) => void): () => void {
    return this.#listeners.on(name, listener)
  }

  async #start(disconnecting: Promise<void> | undefined): Promise<void> {
    await disconnecting
    const { runtime, connectTimeoutMs, health } = this.#settings
    const connections = [this.#primary.connect(), this.#replica?.connect() ?? Promise.resolve()]
    try {
      await withDeadline(Promise.all(connections), connectTimeoutMs, {
        timers: runtime.timers,
        error: () => this.#lateness(),
      })
    } catch (error) {
      throw error instanceof CacheError ? error : this.#refused(error)
    }
    await this.#requireSecurity()
    if (health.intervalMs === Infinity) return
    this.#healthTimer = runtime.timers.every(health.intervalMs, () => void this.health())
    // The first check begins the window that the next one looks back on.
    void this.health()
  }

  /** Closes twice: once so that a connection attempt ends at once, and once more for what that attempt has opened. */
  async #stop(connecting: Promise<void> | undefined, before: Promise<void> | undefined): Promise<void> {
    await before
    await this.#closePorts()
    await connecting?.catch(() => {})
    this.#healthTimer?.cancel()
    this.#healthTimer = undefined
    await this.#closePorts()
    await this.#checking
  }

  async #closePorts(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    this.#primary.release()
    this.#replica?.release()
    await Promise.all([opened?.primary.close(), opened?.replica?.close()])
  }

  #open(): RedisPorts {
    const opened = this.#opened ?? this.#settings.openPorts()
    this.#opened = opened
    return opened
  }

  async #requireSecurity(): Promise<void> {
    const { minimumSecurity: minimum, name: tier } = this.#settings
    if (minimum === undefined) return
    const { level, findings } = await this.securityStatus()
    if (level === 'high' || level === minimum) return
    const [worst] = findings
    const why = worst === undefined ? '' : `: ${worst.message}. ${worst.advice}`
    throw new TierError(`The security of the connection to Redis is ${level}, less than ${minimum}${why}`, {
      code: 'ERR_CACHE_TIER_OPEN',
      operation: 'connect',
      tier,
    })
  }

  #connected(operation: string): KeyCommands {
    if (this.#opened !== undefined) return this.#commands
    throw new TierError('The Redis manager is not connected: call connect() first', {
      code: 'ERR_CACHE_TIER_CLOSED',
      operation,
      tier: this.#settings.name,
    })
  }

  #refused(cause: unknown): TierError {
    const { name: tier, place } = this.#settings
    const code = replyCodeOf(cause) ?? (cause as { readonly code?: unknown }).code
    const why = typeof code === 'string' ? `: ${code}` : ''
    const advice = 'Check that the server runs, the address, user and password, and the TLS options'
    return new TierError(`No connection to Redis at ${place}${why}. ${advice}`, {
      code: 'ERR_CACHE_TIER_OPEN',
      operation: 'connect',
      tier,
      retryable: true,
      cause,
    })
  }

  #lateness(): TimeoutError {
    const { name: tier, place, connectTimeoutMs } = this.#settings
    return new TimeoutError(`No connection to Redis at ${place} within ${connectTimeoutMs} ms`, {
      code: 'ERR_CACHE_TIER_TIMEOUT',
      operation: 'connect',
      tier,
      retryable: true,
    })
  }

  #noteRefusal(operation: string, error: unknown): void {
    const refusal = refusalOf(error)
    if (refusal === undefined) return
    const event = { ...refusal, operation, at: this.#settings.runtime.clock.now() }
    this.#securityLog.add(event)
    this.#listeners.tell('security', event)
  }
}
