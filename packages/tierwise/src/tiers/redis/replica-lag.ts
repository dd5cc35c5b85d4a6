import type { RedisNode, RedisPorts } from '../../clients/redis/port.ts'
import type { Clock, Timer, Timers } from '../../contract/runtime.ts'
import { textOf } from './replies.ts'

const checkMs = 1000

/** What a primary had written at an instant of this process. */
interface Mark {
  readonly at: number
  readonly offset: number
}

/**
 * Up to which instant the replicas are known to have everything that their primaries had acknowledged.
 *
 * Each second the replication offset of every primary is noted with the time, and the offset of every replica is looked
 * up in these notes: a replica that has reached an offset has everything from before its note. A replica that stops, is
 * cut off, or cannot be asked does not advance, so it falls behind the bound by itself; nothing has to notice.
 */
export class ReplicaLag {
  readonly #ports: Required<RedisPorts>
  readonly #clock: Clock
  readonly #keptMs: number
  /** By replication id, oldest first. */
  readonly #marks = new Map<string, Mark[]>()
  readonly #timer: Timer
  #confirmedAt = -Infinity
  #isChecking = false

  constructor(
    ports: Required<RedisPorts>,
    parts: { readonly clock: Clock; readonly timers: Timers; readonly keptMs: number },
  ) {
    this.#ports = ports
    this.#clock = parts.clock
    this.#keptMs = parts.keptMs
    this.#timer = parts.timers.every(checkMs, () => void this.check())
  }

  /** The replicas have everything that was written before this instant. */
  get confirmedAt(): number {
    return this.#confirmedAt
  }

  /** Never rejects. */
  async check(): Promise<void> {
    if (this.#isChecking) return
    this.#isChecking = true
    try {
      await Promise.all((await this.#ports.primary.primaries()).map((node) => this.#note(node)))
      const replicas = await this.#ports.replica.primaries()
      const instants = await Promise.all(replicas.map((node) => this.#reachedBy(node)))
      if (instants.length > 0) this.#confirmedAt = Math.max(this.#confirmedAt, Math.min(...instants))
    } catch {
      // What cannot be asked is not confirmed.
    } finally {
      this.#isChecking = false
    }
  }

  stop(): void {
    this.#timer.cancel()
  }

  async #note(node: RedisNode): Promise<void> {
    const at = this.#clock.now()
    const info = await replicationOf(node)
    const id = info.get('master_replid') ?? ''
    const offset = Number(info.get('master_repl_offset'))
    if (info.get('role') !== 'master' || !Number.isFinite(offset)) return
    const marks = (this.#marks.get(id) ?? []).filter((mark) => mark.at >= at - this.#keptMs)
    this.#marks.set(id, [...marks, { at, offset }])
  }

  async #reachedBy(node: RedisNode): Promise<number> {
    const info = await replicationOf(node)
    if (info.get('master_link_status') !== 'up') return -Infinity
    const marks = this.#marks.get(info.get('master_replid') ?? '') ?? []
    const offset = Number(info.get('slave_repl_offset'))
    return marks.findLast((mark) => mark.offset <= offset)?.at ?? -Infinity
  }
}

async function replicationOf(node: RedisNode): Promise<ReadonlyMap<string, string>> {
  const text = textOf(await node.send(['INFO', 'replication']))
  return new Map(
    text.split('\r\n').map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1)] as const
    }),
  )
}
