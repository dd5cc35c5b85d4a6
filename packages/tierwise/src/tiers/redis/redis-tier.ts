import type { RedisPorts } from '../../clients/redis/port.ts'
import type {
  Decode,
  Tier,
  TierCapabilities,
  TierContext,
  TierOpening,
  TierRecord,
  TierUsage,
  WriteOutcome,
} from '../../contract/tier.ts'
import { ConfigError, TierError } from '../../errors.ts'
import { withDeadline } from '../../base/deadline.ts'
import { randomText } from './announcer.ts'
import type { BusChange } from '../../contract/bus.ts'
import { RedisBus } from './bus/redis-bus.ts'
import { TierBus } from './bus/tier-bus.ts'
import { RedisAuthority, type AuthorityLink } from './authority/redis-authority.ts'
import { pagesOfNames, UniqueNames } from './key-pages.ts'
import { longestLifeMs, RedisRawStore } from './raw-store.ts'
import { closeParts, closePorts, doubted, openParts, type OpenParts } from './open-parts.ts'
import { frameOf, kindOf, recordBytes, tombstoneBytes, versionOf } from './record.ts'
import type { ReplicaReads } from './replica-reads.ts'
import type { Store, Write, WriteReply } from './store.ts'
import { RedisTagStore } from './tag-store.ts'
import { countRecords, storeUsage } from './usage.ts'

export interface RedisTierSettings {
  /** Makes the connection, unopened. Called for each opening. */
  readonly ports: () => RedisPorts
  /** What the connection goes to, for messages; without credentials. */
  readonly target: string
  readonly connectTimeoutMs: number
  /** Instances of one host alone neither agree on versions here nor hear of changes. */
  readonly scope: 'fleet' | 'host'
  readonly lanes: number
  readonly tombstoneTtlMs: number
  /** A replica that may be further behind is not read. */
  readonly maxReplicaLagMs: number
  /** What the names of keys start with that other code changes; `true` for all of the manager. */
  readonly tracking: boolean | readonly string[]
}

/** The tier on Redis: reads of a tick in one MGET a lane; writes of a tick in one script a lane, and so what the authority is asked. */
export class RedisTier implements Tier {
  readonly sync = false
  readonly capabilities: TierCapabilities
  readonly tags: RedisTagStore
  readonly authority: RedisAuthority | undefined
  readonly bus: TierBus | undefined
  /** This instance in what it announces. */
  readonly source: string = randomText()
  readonly raw: RedisRawStore
  readonly #settings: RedisTierSettings
  readonly #context: TierContext
  #opening: Promise<TierOpening> | undefined
  #closing: Promise<void> | undefined
  #parts: OpenParts | undefined

  constructor(settings: RedisTierSettings, context: TierContext) {
    this.#settings = settings
    this.#context = context
    this.tags = new RedisTagStore(context.prefix, () => {
      const { ports, announcer } = this.#open('tags')
      return { port: ports.primary, announcer }
    })
    const shared = settings.scope === 'fleet'
    this.capabilities = { shared, durable: true, versions: true, scan: true, bytes: false, tags: true }
    this.authority = shared ? new RedisAuthority(() => this.#authorityLink(), context.clock) : undefined
    this.bus = shared ? new TierBus((changes) => this.#noteForeign(changes)) : undefined
    this.raw = new RedisRawStore(() => this.#open('get').ports.primary, context.clock)
  }

  get clockOffsetMs(): number | undefined {
    return this.#parts?.clock.offsetMs
  }

  open(): Promise<TierOpening> {
    this.#opening ??= this.#start().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop().finally(() => (this.#closing = undefined))
    return this.#closing
  }

  /** Lanes of a cluster lie on several nodes. */
  get partOf(): ((key: string) => number) | undefined {
    const layout = this.#parts?.store.layout
    return layout === undefined || layout.lanes === 1 ? undefined : layout.laneOf
  }

  /** Not `async`: the batch is made of these calls, and each would cost two more turns of the microtask queue. */
  get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]> {
    const parts = this.#parts
    if (parts === undefined) return Promise.reject(this.#notOpen('get'))
    return parts.reads.get(keys, (record, index) => decode(frameOf(record), index, versionOf(record)))
  }

  set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[]> {
    const parts = this.#parts
    if (parts === undefined) return Promise.reject(this.#notOpen('set'))
    const now = this.#context.clock.now()
    const changes = records.map((record) => this.#writeOf(parts.store, record, now))
    return this.#write(parts, changes, outcomeOf)
  }

  async delete(keys: readonly string[], version: number): Promise<readonly boolean[]> {
    const parts = this.#open('delete')
    const { layout } = parts.store
    const lifeMs = this.#settings.tombstoneTtlMs
    const bytes = tombstoneBytes(version)
    const changes = keys.map((key) => ({ key, group: layout.laneOf(key), limit: version, lifeMs, bytes }))
    return this.#write(parts, changes, (reply) => reply === 'replaced')
  }

  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    const { store, writes } = this.#open('scan')
    await writes.drain()
    const unique = new UniqueNames()
    let index = 0
    for await (const names of pagesOfNames(store.port, store.layout.patternOf(prefix))) {
      const { reads } = this.#open('scan')
      const keys = names
        .filter((name) => unique.add(name))
        .map((name) => store.layout.keyOf(name))
        .filter((key) => key?.startsWith(prefix) === true) as string[]
      const values = await reads.get(keys, (record) => decode(frameOf(record), index++, versionOf(record)))
      for (const value of values) if (value !== undefined) yield value
    }
  }

  async clear(prefix: string, version: number): Promise<void> {
    const { store, writes, replica } = this.#open('clear')
    await writes.drain()
    replica?.noteClear()
    for await (const names of pagesOfNames(store.port, store.layout.patternOf(prefix)))
      await store.clear(names, version)
    replica?.noteClear()
  }

  async usage(): Promise<TierUsage> {
    const { store, writes } = this.#open('usage')
    await writes.drain()
    const [entries, used] = await Promise.all([countRecords(store, `${this.#context.prefix}:`), storeUsage(store)])
    return { entries, bytes: undefined, maxBytes: undefined, ...(used === undefined ? {} : { store: used }) }
  }

  async #start(): Promise<TierOpening> {
    await this.#closing
    const ports = this.#settings.ports()
    try {
      await this.#connect(ports)
      this.#parts = await openParts(ports, this.#settings, { context: this.#context, source: this.source })
      this.bus?.attach(this.#makeBus(this.#parts))
      return { highestVersion: 0 }
    } catch (error) {
      await closePorts(ports)
      throw error instanceof ConfigError ? error : this.#unreachable(error)
    }
  }

  #makeBus({ ports, store, announcer }: OpenParts): RedisBus {
    const { name, prefix, maxStalenessMs } = this.#context
    const { tracking } = this.#settings
    return new RedisBus({
      port: ports.primary,
      layout: store.layout,
      prefix,
      instance: this.source,
      publish: announcer.publish,
      runtime: this.#context,
      repair: (changes) => this.#makeAgain(changes),
      tracking: trackedNames(tracking, `${store.layout.lanes === 1 ? '' : '{'}${prefix}:`),
      ...(maxStalenessMs === undefined ? {} : { maxStalenessMs }),
      onFailure: (error) => this.#context.report({ type: 'tier-error', tier: name, operation: 'bus', error }),
    })
  }

  /** What others have changed counts as what this instance has: neither a replica nor a server that took over may know less. */
  #noteForeign(changes: readonly BusChange[]): void {
    const parts = this.#parts
    if (parts === undefined) return
    for (const change of changes) {
      if (change.kind !== 'key') continue
      parts.lostChanges.note(change.key, change.version)
      parts.replica?.noteWrite(change.key, change.version)
    }
  }

  /** The server has lost changes that this instance has heard of. */
  #makeAgain(changes: readonly BusChange[]): void {
    const keys = changes.flatMap((change) => (change.kind === 'key' ? [change] : []))
    const tags = changes.flatMap((change) => (change.kind === 'tags' ? [change] : []))
    const work = [
      ...(keys.length === 0 ? [] : [this.authority?.affirm(keys)]),
      ...tags.map(({ names, clock }) => this.tags.invalidate(names, clock)),
    ]
    const { name } = this.#context
    const report = (error: unknown): void =>
      this.#context.report({ type: 'tier-error', tier: name, operation: 'bus', error })
    for (const each of work) each?.catch(report)
  }

  /** What `answerOf` makes of each reply. Not `async`, as `get`. */
  #write<T>(parts: OpenParts, changes: readonly Write[], answerOf: (reply: WriteReply) => T): Promise<readonly T[]> {
    const { writes, replica, lost } = parts
    if (replica !== undefined) fence(replica, changes)
    return writes.add(changes).then(
      (replies) => {
        if (replica !== undefined) fence(replica, changes)
        // What a load or a copy brings is no change: an older record in its place is not wrong. A record of the very
        // version that was left out here, copied from another tier, is right.
        for (const { key, limit, bytes } of changes) if (limit === versionOf(bytes)) lost.note(key, versionOf(bytes))
        return replies.map(answerOf)
      },
      (error: unknown) => {
        if (replica !== undefined) fence(replica, changes)
        throw doubted(parts, error)
      },
    )
  }

  #authorityLink(): AuthorityLink {
    const parts = this.#open('lease')
    const { store, operations, replica, lostChanges, connection } = parts
    const noteVersion = (key: string, version: number): void => replica?.noteWrite(key, version)
    return {
      queue: operations,
      laneOf: store.layout.laneOf,
      noteVersion,
      connection,
      noteChange: (key, version) => lostChanges.note(key, version),
      failed: (error, keys) => {
        for (const key of keys) noteVersion(key, Infinity)
        doubted(parts, error)
      },
    }
  }

  async #connect({ primary, replica }: RedisPorts): Promise<void> {
    const { timers, name: tier } = this.#context
    const late = (): Error =>
      new TierError(`no connection within ${this.#settings.connectTimeoutMs} ms`, {
        code: 'ERR_CACHE_TIER_OPEN',
        tier,
        operation: 'open',
      })
    const connecting = Promise.all([primary.connect(), replica?.connect()])
    await withDeadline(connecting, this.#settings.connectTimeoutMs, { timers, error: late })
  }

  async #stop(): Promise<void> {
    await this.#opening?.catch(() => {})
    const parts = this.#parts
    this.#opening = undefined
    this.#parts = undefined
    await this.bus?.detach()
    if (parts !== undefined) await closeParts(parts, this.#context.timers)
  }

  #open(operation: string): OpenParts {
    if (this.#parts !== undefined) return this.#parts
    throw this.#notOpen(operation)
  }

  #notOpen(operation: string): TierError {
    const { name: tier } = this.#context
    return new TierError(`The tier ${tier} is not open: call open() first`, {
      code: 'ERR_CACHE_TIER_CLOSED',
      operation,
      tier,
    })
  }

  /** A record that is over before it is written leaves its version behind, as a deletion does. */
  #writeOf({ layout }: Store, record: TierRecord, now: number): Write {
    const { key, version, expiresAt, bytes, ifNotAfter = version } = record
    const group = layout.laneOf(key)
    const limit = Math.min(version, ifNotAfter)
    const lifeMs = expiresAt - now
    if (lifeMs <= 0) return { key, group, limit, lifeMs: this.#settings.tombstoneTtlMs, bytes: tombstoneBytes(version) }
    return {
      key,
      group,
      limit,
      lifeMs: lifeMs > longestLifeMs ? Infinity : lifeMs,
      bytes: recordBytes(version, expiresAt, bytes),
    }
  }

  #unreachable(cause: unknown): TierError {
    const { name: tier } = this.#context
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new TierError(
      `The tier ${tier} cannot reach Redis at ${this.#settings.target}: ${reason}. Check that it runs, that the address and the credentials are right, and that this host may connect.`,
      { code: 'ERR_CACHE_TIER_OPEN', operation: 'open', tier, cause, retryable: true },
    )
  }
}

/** What the names of tracked keys start with. */
function trackedNames(tracking: boolean | readonly string[], own: string): readonly string[] {
  if (typeof tracking === 'boolean') return tracking ? [own] : []
  return tracking
}

/** Goes up before a write is sent, and once more when it is answered: only from then on must it hold. */
function fence(replica: ReplicaReads, changes: readonly Write[]): void {
  for (const { key, bytes } of changes) replica.noteWrite(key, leastVersionAfter(bytes))
}

/** A tombstone may replace a record of its own version. */
function leastVersionAfter(bytes: Buffer): number {
  return kindOf(bytes) === 'tombstone' ? versionOf(bytes) + 1 : versionOf(bytes)
}

function outcomeOf(reply: WriteReply): WriteOutcome {
  if (reply === 'superseded') return 'superseded'
  return reply === 'foreign' ? 'refused' : 'applied'
}
