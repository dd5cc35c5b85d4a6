import { withDeadline } from '../../base/deadline.ts'
import type { RedisPorts, RedisReply } from '../../clients/redis/port.ts'
import type { Clock, Timers } from '../../contract/runtime.ts'
import { OwnWrites } from './own-writes.ts'
import { isLive, kindOf, versionOf } from './record.ts'
import { ReplicaLag } from './replica-lag.ts'
import { bytesOf } from './replies.ts'
import type { Store } from './store.ts'

/** How long a replica is waited for. */
const patienceMs = 100

/**
 * Reads that a replica may answer, where that answer can be believed: the replicas were seen within the bound, what they
 * hold is not older than what this process wrote itself, and they have a record at all. Everything else is asked again
 * at the primary. What other processes write may be seen late, by no more than the bound.
 */
export class ReplicaReads {
  readonly #store: Store
  readonly #ports: Required<RedisPorts>
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #maxLagMs: number
  readonly #lag: ReplicaLag
  readonly #own: OwnWrites

  constructor(
    store: Store,
    ports: Required<RedisPorts>,
    parts: { readonly clock: Clock; readonly timers: Timers; readonly maxLagMs: number },
  ) {
    this.#store = store
    this.#ports = ports
    this.#clock = parts.clock
    this.#timers = parts.timers
    this.#maxLagMs = parts.maxLagMs
    this.#lag = new ReplicaLag(ports, { ...parts, keptMs: 2 * parts.maxLagMs })
    this.#own = new OwnWrites(parts.maxLagMs)
  }

  async start(): Promise<void> {
    await this.#lag.check()
  }

  stop(): void {
    this.#lag.stop()
  }

  /** To be called before the write is sent and again when that was answered: their replication starts in between. */
  noteWrite(key: string, leastVersion: number): void {
    this.#own.note(key, leastVersion, this.#clock.now())
  }

  noteClear(): void {
    this.#own.noteAll(this.#clock.now())
  }

  async read(keys: readonly string[], lane: number): Promise<readonly RedisReply[]> {
    if (!this.#ports.replica.isReady || this.#clock.now() - this.#lag.confirmedAt > this.#maxLagMs)
      return this.#store.read(keys, lane)
    const replies = await this.#ask(keys, lane).catch(() => [])
    const doubtful = keys.map((_, index) => index).filter((index) => !this.#isGood(keys[index] ?? '', replies[index]))
    if (doubtful.length === 0) return replies
    const again = await this.#store.read(
      doubtful.map((index) => keys[index] ?? ''),
      lane,
    )
    const merged = keys.map((_, index) => replies[index] ?? null)
    for (const [position, index] of doubtful.entries()) merged[index] = again[position] ?? null
    return merged
  }

  /** A replica that is silent must not cost the caller its whole patience: the primary is asked after it. */
  #ask(keys: readonly string[], lane: number): Promise<readonly RedisReply[]> {
    const error = (): Error => new Error('The replica did not answer in time')
    const asked = this.#store.read(keys, lane, this.#ports.replica)
    return withDeadline(asked, patienceMs, { timers: this.#timers, error })
  }

  #isGood(key: string, reply: RedisReply | undefined): boolean {
    const bytes = bytesOf(reply)
    if (bytes === undefined || kindOf(bytes) !== 'record') return false
    const now = this.#clock.now()
    const least = this.#own.leastVersion(key, now)
    return least !== undefined && versionOf(bytes) >= least && isLive(bytes, now)
  }
}
