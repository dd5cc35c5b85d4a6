import type { Authority } from '../../../src/contract/authority.ts'
import type { Random } from '../../../src/contract/runtime.ts'
import type { TagStore } from '../../../src/contract/tags.ts'
import type { Tier, TierContext } from '../../../src/contract/tier.ts'
import { TierError } from '../../../src/errors.ts'
import type { SharedInstance } from '../../../src/testing/shared-store.ts'
import { Inbox } from '../../../src/testing/shared-store/inbox.ts'
import {
  lostCode,
  Pauses,
  type Pause,
  type PauseOptions,
  type SharedOperation,
} from '../../../src/testing/shared-store/pauses.ts'
import { tcpProxy, type TcpProxy } from '../../../src/testing/tcp-proxy.ts'
import { RedisTier } from '../../../src/tiers/redis/redis-tier.ts'
import type { Activity, Worker } from './activity.ts'
import { FaultyPort } from './faulty-port.ts'
import type { ServerTime } from './server-clock.ts'

export interface RedisInstanceParts {
  readonly activity: Activity
  readonly time: ServerTime
  readonly random: Random
  readonly server: { readonly host: string; readonly port: number }
  readonly lanes: number
  readonly logLength: number
  readonly hearsForeign: boolean
}

/** One manager's way to a real Redis: through a proxy of its own, with calls and messages that a test can hold up. */
export class RedisInstance implements SharedInstance, Worker {
  readonly messages: Inbox<() => void>
  readonly tier: Tier
  readonly id: string
  readonly #parts: RedisInstanceParts
  readonly #pauses = new Pauses()
  #port: FaultyPort | undefined
  #proxy: TcpProxy | undefined
  #isCut = false

  constructor(parts: RedisInstanceParts, context: TierContext) {
    this.#parts = parts
    this.messages = new Inbox(parts.random)
    this.messages.subscribe((tell) => tell())
    const tier = new RedisTier(
      {
        ports: () => ({ primary: (this.#port = this.#makePort(context)) }),
        target: 'the server of the test',
        connectTimeoutMs: 5000,
        scope: 'fleet',
        lanes: parts.lanes,
        tombstoneTtlMs: 300_000,
        maxReplicaLagMs: 5000,
        tracking: parts.hearsForeign,
      },
      context,
    )
    this.id = tier.source
    this.tier = this.#held(tier)
    parts.activity.workers.add(this)
  }

  get unready(): string | undefined {
    return this.#port?.unready(this.#isCut)
  }

  async hearAll(): Promise<void> {
    await Promise.all(Array.from(this.#port?.listeners ?? [], (listener) => listener.ping()))
  }

  pause(operation: SharedOperation, options?: PauseOptions): Pause {
    return this.#pauses.add(operation, options)
  }

  cut(): void {
    this.#parts.activity.note()
    this.#isCut = true
    this.messages.isDeaf = true
    this.#pauses.failWaiting()
    this.#port?.noteCut()
    this.#proxy?.cut()
    void this.#proxy?.refuse()
  }

  mend(): void {
    if (!this.#isCut) return
    this.#isCut = false
    this.messages.isDeaf = false
    if (this.#proxy !== undefined) void this.#parts.activity.follow('mend', this.#proxy.pass())
  }

  /** Nothing is left of its connections. */
  async end(): Promise<void> {
    this.#parts.activity.workers.delete(this)
    await this.#port?.close()
    await this.#proxy?.close()
  }

  #makePort({ timers, random }: TierContext): FaultyPort {
    const { activity, time, lanes, logLength } = this.#parts
    return new FaultyPort({
      runtime: { timers, random },
      topology: lanes === 1 ? 'single' : 'cluster',
      activity,
      time,
      inbox: this.messages,
      logLength,
      address: () => this.#address(),
      travel: (operation, moment) => this.#travel(operation, [], moment),
    })
  }

  async #address(): Promise<{ readonly host: string; readonly port: number }> {
    this.#proxy ??= await tcpProxy({ target: this.#parts.server })
    if (this.#isCut) await this.#proxy.refuse()
    return { host: this.#proxy.host, port: this.#proxy.port }
  }

  /** The tier, each call of which stops where it is told to. */
  #held(tier: RedisTier): Tier {
    const { authority } = tier
    if (authority === undefined) throw new Error('A tier of all instances has an authority')
    const byRecords = (calls: readonly { readonly key: string }[]): string[] => calls.map(({ key }) => key)
    const heldAuthority: Authority = {
      acquire: (requests) => this.#call('acquire', byRecords(requests), () => authority.acquire(requests)),
      fill: (fills) => this.#call('fill', byRecords(fills), () => authority.fill(fills)),
      release: (leases) => this.#call('release', byRecords(leases), () => authority.release(leases)),
      change: (changes) => this.#call('change', byRecords(changes), () => authority.change(changes)),
      affirm: (changes) => this.#call('affirm', byRecords(changes), () => authority.affirm(changes)),
    }
    const tags: TagStore = {
      load: (after) => this.#call('tags', [], () => tier.tags.load(after)),
      invalidate: (names, atLeast) => this.#call('tags', names, () => tier.tags.invalidate(names, atLeast)),
    }
    const held: Partial<Tier> = {
      tags,
      authority: heldAuthority,
      get: (keys, decode) => this.#call('get', keys, () => tier.get(keys, decode)),
      set: (records) => this.#call('set', byRecords(records), () => tier.set(records)),
      delete: (keys, version) => this.#call('delete', keys, () => tier.delete(keys, version)),
      clear: (prefix, version) => this.#call('clear', [], () => tier.clear(prefix, version)),
      usage: () => this.#call('usage', [], () => tier.usage()),
    }
    return new Proxy<Tier>(tier, {
      get: (target, name) => {
        if (Object.hasOwn(held, name)) return Reflect.get(held, name)
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  async #call<T>(operation: SharedOperation, keys: readonly string[], work: () => Promise<T>): Promise<T> {
    await this.#travel(operation, keys, 'before')
    const result = await work()
    await this.#travel(operation, keys, 'after')
    return result
  }

  async #travel(operation: SharedOperation, keys: readonly string[], moment: 'before' | 'after'): Promise<void> {
    for (const pause of this.#pauses.at(operation, keys, moment))
      await this.#pauses.wait(
        pause,
        () =>
          new TierError(`${operation} was lost on its way`, {
            code: lostCode(operation),
            operation,
            tier: 'shared',
          }),
      )
  }
}
