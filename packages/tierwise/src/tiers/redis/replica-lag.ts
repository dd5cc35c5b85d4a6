import type { RedisNode, RedisPorts } from '../../clients/redis/port.ts'
import type { Clock, Timer, Timers } from '../../contract/runtime.ts'
import { textOf } from './replies.ts'

const checkMs = 1000

/** What a primary had written at an instant of this process. */
interface Mark {
  readonly at: number
  readonly offset: number
}

/** The lines of `INFO replication`, by their names. */
type Replication = ReadonlyMap<string, string>

/**
 * Up to which instant the replicas are known to have everything that their primaries had acknowledged.
 *
 * Each second the replication offset of every primary is noted with the time, and the offset of every replica is looked
 * up in these notes: a replica that has reached an offset has everything from before its note. A replica that stops, is
 * cut off, or cannot be asked does not advance, so it falls behind the bound by itself; nothing has to notice.
 *
 * The replica behind Sentinel is asked itself. Those of a cluster are asked for at their primaries, which know what each
 * has acknowledged, and only while as many are attached as the cluster has: one that is missing there might still answer.
 */
export class ReplicaLag {
  readonly #ports: Required<RedisPorts>
  readonly #clock: Clock
  readonly #keptMs: number
  /** By replication id, oldest first. */
  readonly #marks = new Map<string, readonly Mark[]>()
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
      const primaries = await this.#ports.primary.primaries()
      const infos = await Promise.all(primaries.map((node) => this.#note(node)))
      const isCluster = this.#ports.primary.topology === 'cluster'
      const instants = isCluster ? await this.#attached(primaries, infos) : await this.#asked()
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

  async #note(node: RedisNode): Promise<Replication> {
    const at = this.#clock.now()
    const info = await replicationOf(node)
    const id = info.get('master_replid') ?? ''
    const offset = Number(info.get('master_repl_offset'))
    if (info.get('role') !== 'master' || !Number.isFinite(offset)) return info
    const marks = (this.#marks.get(id) ?? []).filter((mark) => mark.at >= at - this.#keptMs)
    this.#marks.set(id, [...marks, { at, offset }])
    return info
  }

  /** What the replicas that are read say of themselves. */
  async #asked(): Promise<readonly number[]> {
    const infos = await Promise.all((await this.#ports.replica.primaries()).map(replicationOf))
    return infos.map((info) =>
      info.get('master_link_status') === 'up' ? this.#reached(info, Number(info.get('slave_repl_offset'))) : -Infinity,
    )
  }

  /** What the primaries of a cluster say of the replicas that are attached to them. */
  async #attached(primaries: readonly RedisNode[], infos: readonly Replication[]): Promise<readonly number[]> {
    const instants = infos.flatMap((info) =>
      [...info]
        .filter(([name, text]) => /^slave\d+$/.test(name) && text.includes('state=online'))
        .map(([, text]) => this.#reached(info, Number(/offset=(\d+)/.exec(text)?.[1]))),
    )
    const nodes = textOf(await primaries[0]?.send(['CLUSTER', 'NODES'])).split('\n')
    const replicas = nodes.map((line) => line.split(' ')[2]?.split(',') ?? []).filter((flags) => isReadReplica(flags))
    return instants.length < replicas.length ? [-Infinity] : instants
  }

  #reached(info: Replication, offset: number): number {
    const marks = this.#marks.get(info.get('master_replid') ?? '') ?? []
    return marks.findLast((mark) => mark.offset <= offset)?.at ?? -Infinity
  }
}

/** The cluster does not name replicas to clients once it has agreed that they failed. */
function isReadReplica(flags: readonly string[]): boolean {
  return flags.includes('slave') && !flags.includes('fail')
}

async function replicationOf(node: RedisNode): Promise<Replication> {
  const text = textOf(await node.send(['INFO', 'replication']))
  return new Map(
    text.split('\r\n').map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1)] as const
    }),
  )
}
