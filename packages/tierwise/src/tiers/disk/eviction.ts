/**
 * Keeps the pages in use below the quota.
 *
 * A hand goes round the keys. At each step it looks at a window of neighbours, drops what has expired, and then the
 * quarter of the window that was used least lately. It chooses among runs of neighbours of about two pages, not among
 * single records: LMDB gives a page back only when hardly anything is left on it, so records picked here and there
 * would free no space at all. The records of a run that are among the latest used of the window survive it. Windows of a moving hand see every record in turn,
 * which makes this an approximation of least recently used without an order to maintain on each read.
 *
 * LMDB files never shrink, but freed pages are used again, so keeping the pages in use below the quota bounds the file.
 */
import type { TierContext } from '../../contract/tier.ts'
import type { Database } from './database.ts'
import { countByNamespace, readBatch, removeEntries, type HeldRecord } from './held-record.ts'
import type { Recency } from './recency.ts'
import { rangeOfPrefix } from './stored-key.ts'

/** Eviction goes on until this share of the quota is in use. */
const lowMark = 0.9
/** Writers wait for the eviction when this share of the quota is in use. */
const brakeMark = 1.05
const window = { count: 512, bytes: 4 * 1024 * 1024 }
const runBytes = 8 * 1024
const evictedShare = 0.25
const survivingShare = 0.25
const everything = rangeOfPrefix('')

export interface EvictionOptions {
  readonly database: Database
  readonly recency: Recency
  readonly context: TierContext
  readonly maxBytes: number
}

export class Eviction {
  readonly #options: EvictionOptions
  #hand: Uint8Array | undefined
  #running: Promise<void> | undefined
  #isStopped = false
  #usedBytes = 0
  #unmeasuredBytes = Infinity
  #uncommittedBytes = 0
  #lastWrite: Promise<unknown> | undefined
  #waiting = 0
  #turn: Promise<void> = Promise.resolve()

  constructor(options: EvictionOptions) {
    this.#options = options
  }

  /** Runs a write of so many bytes once there is room for it, counting those that are under way. */
  async admit<T>(bytes: number, write: () => Promise<T>): Promise<T> {
    if (this.#waiting > 0 || this.#isCrowded(bytes)) await this.#waitForRoom(bytes)
    else this.#uncommittedBytes += bytes
    const written = write()
    this.#lastWrite = written
    try {
      return await written
    } finally {
      this.#uncommittedBytes -= bytes
      this.#unmeasuredBytes += bytes
    }
  }

  /** One writer at a time, or all that wait would take the same room. Resolves with the bytes counted. */
  async #waitForRoom(bytes: number): Promise<void> {
    this.#waiting++
    const turn = this.#turn.then(() => this.#makeRoom(bytes))
    this.#turn = turn.then(
      () => void (this.#uncommittedBytes += bytes),
      () => {},
    )
    await turn.finally(() => this.#waiting--)
  }

  async #makeRoom(bytes: number): Promise<void> {
    while (this.#uncommittedBytes > 0 && this.#isCrowded(bytes)) await this.#lastWrite?.catch(() => {})
    if (!this.#isCrowded(bytes)) return
    this.start()
    await this.#running
  }

  /** Asking LMDB how many pages are in use costs more than a write, so it is asked once per 64th of the quota. */
  #isCrowded(bytes: number): boolean {
    const { maxBytes } = this.#options
    if (this.#unmeasuredBytes > maxBytes / 64) this.start()
    return this.#usedBytes + this.#unmeasuredBytes + this.#uncommittedBytes + bytes > maxBytes * brakeMark
  }

  /** Starts evicting when the quota is exceeded and nothing runs. */
  start(): void {
    if (this.#running !== undefined || this.#isStopped || this.#share() <= 1) return
    this.#running = this.#run()
      .catch((error: unknown) => {
        const { name } = this.#options.context
        this.#options.context.report({ type: 'tier-error', tier: name, operation: 'set', error })
      })
      .finally(() => (this.#running = undefined))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  /** Measures. */
  #share(): number {
    this.#usedBytes = this.#options.database.space().used
    this.#unmeasuredBytes = 0
    return this.#usedBytes / this.#options.maxBytes
  }

  async #run(): Promise<void> {
    let removedInRound = 0
    while (!this.#isStopped && this.#share() > lowMark) {
      removedInRound += await this.#step()
      if (this.#hand !== undefined) continue
      // A whole round without a find: what takes the space is not records, and going round again would not help.
      if (removedInRound === 0) return
      removedInRound = 0
    }
  }

  /** How many records one window gave up. */
  async #step(): Promise<number> {
    const { database, context, maxBytes } = this.#options
    database.refreshReads()
    const { records, next } = readBatch(database.entries, { range: everything, after: this.#hand, limit: window })
    this.#hand = next
    const now = context.clock.now()
    const expired = records.filter(({ expiresAt }) => expiresAt <= now)
    const excess = (this.#share() - lowMark) * maxBytes - sizeOf(expired)
    const unused =
      excess <= 0
        ? []
        : this.#leastUsed(
            records.filter(({ expiresAt }) => expiresAt > now),
            excess,
          )
    const removed = [await removeEntries(database, expired), await removeEntries(database, unused)] as const
    this.#report('expired', removed[0])
    this.#report('capacity', removed[1])
    return removed[0].length + removed[1].length
  }

  #leastUsed(batch: readonly HeldRecord[], excess: number): HeldRecord[] {
    const uses = batch.map(({ key }) => this.#options.recency.lastUseOf(key)).toSorted((one, other) => one - other)
    const late = uses[Math.floor(uses.length * (1 - survivingShare))] ?? Infinity
    const runs = runsOf(batch).map((run) => this.#judge(run, late))
    runs.sort((one, other) => one.lastUse - other.lastUse || one.writtenAt - other.writtenAt)
    const chosen: HeldRecord[] = []
    for (const { leavable } of runs.slice(0, Math.max(1, Math.ceil(runs.length * evictedShare)))) {
      if (sizeOf(chosen) >= excess) break
      chosen.push(...leavable)
    }
    return chosen
  }

  /** When a run as a whole was last used, and which of its records are not among the latest of the window. */
  #judge(run: readonly HeldRecord[], late: number): Run {
    const lastUse = (held: HeldRecord): number => this.#options.recency.lastUseOf(held.key)
    return {
      leavable: run.filter((held) => lastUse(held) <= late),
      lastUse: meanOf(run.map(lastUse)),
      writtenAt: meanOf(run.map(({ writtenAt }) => writtenAt)),
    }
  }

  #report(reason: 'expired' | 'capacity', removed: readonly HeldRecord[]): void {
    const { context } = this.#options
    for (const [namespace, count] of countByNamespace(removed)) {
      context.report({ type: 'evict', tier: context.name, namespace, reason, count })
    }
  }
}

interface Run {
  readonly leavable: readonly HeldRecord[]
  readonly lastUse: number
  readonly writtenAt: number
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}

function runsOf(batch: readonly HeldRecord[]): HeldRecord[][] {
  const runs: HeldRecord[][] = []
  let bytes = Infinity
  for (const held of batch) {
    if (bytes >= runBytes) {
      runs.push([])
      bytes = 0
    }
    runs.at(-1)?.push(held)
    bytes += held.sizeBytes
  }
  return runs
}

function sizeOf(batch: readonly HeldRecord[]): number {
  return batch.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}
