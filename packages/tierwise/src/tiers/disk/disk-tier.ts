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
import { TierError } from '../../errors.ts'
import { Control, readState } from './control.ts'
import { openDatabase, type Database } from './database.ts'
import { Eviction } from './eviction.ts'
import { Folder } from './folder.ts'
import { keysOf, namespaceOf } from './held-record.ts'
import { DiskNoteStore } from './note-store.ts'
import type { Durability } from './options.ts'
import { Recency } from './recency.ts'
import { RecordReader } from './record-reader.ts'
import { recordOverhead } from './record.ts'
import { rangeOfPrefix } from './stored-key.ts'
import { Sweeper } from './sweeper.ts'
import { DiskTagStore } from './tag-store.ts'
import { VersionedWrites } from './versioned-writes.ts'
import { WriteQueue } from './write-queue.ts'

const keysPerScanStep = 256
/** A record may take this share of the quota; larger ones would evict everything else. */
const largestShare = 1 / 8

export interface DiskTierSettings {
  readonly folder: string
  readonly maxBytes: number
  readonly durability: Durability
}

/** Everything that exists while the tier is open. */
interface OpenParts {
  readonly database: Database
  readonly control: Control
  readonly reader: RecordReader
  readonly writes: VersionedWrites
  readonly queue: WriteQueue
  readonly eviction: Eviction
  readonly sweeper: Sweeper
}

/** The tier on LMDB: synchronous reads from the map, writes in shared transactions that another thread commits. */
export class DiskTier implements Tier {
  readonly sync = false
  readonly capabilities: TierCapabilities = {
    shared: false,
    durable: true,
    versions: true,
    scan: true,
    bytes: true,
    tags: true,
    notes: true,
  }
  readonly tags: DiskTagStore
  readonly notes: DiskNoteStore
  readonly #settings: DiskTierSettings
  readonly #context: TierContext
  readonly #recency = new Recency()
  #opening: Promise<TierOpening> | undefined
  #closing: Promise<void> | undefined
  #parts: OpenParts | undefined

  constructor(settings: DiskTierSettings, context: TierContext) {
    this.#settings = settings
    this.#context = context
    const { clock, name: tier } = context
    this.tags = new DiskTagStore({ clock, database: () => this.#open('tags').database })
    this.notes = new DiskNoteStore({ tier, clock, database: () => this.#open('notes').database })
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

  async get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]> {
    const { reader } = this.#open('get')
    reader.begin()
    return keys.map((key, index) => {
      const frame = reader.frameOf(key)
      return frame === undefined ? undefined : decode(frame, index)
    })
  }

  async set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[]> {
    const parts = this.#open('set')
    const accepted = records.filter((record) => this.#isStorable(record))
    const outcomes =
      this.#settings.durability === 'none' ? await this.#enqueue(parts, accepted) : await this.#write(parts, accepted)
    let next = 0
    return records.map((record) => (record === accepted[next] ? (outcomes[next++] ?? 'refused') : 'refused'))
  }

  async delete(keys: readonly string[], version: number): Promise<readonly boolean[]> {
    const { database, writes, queue } = this.#open('delete')
    const now = this.#context.clock.now()
    const waiting = keys.map((key) => (queue.remove(key, version)?.expiresAt ?? 0) > now)
    const deleted = new Set(keys)
    const unbar = queue.bar((key) => deleted.has(key), version)
    const held = await database.transact(() => writes.deleteAll(keys, version, now)).finally(unbar)
    return held.map((wasHeld, index) => wasHeld || waiting[index] === true)
  }

  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    const { database, queue } = this.#open('scan')
    await queue.drain()
    const range = rangeOfPrefix(prefix)
    let after: Uint8Array | undefined
    let index = 0
    do {
      const { reader } = this.#open('scan')
      reader.beginAnew()
      const found: T[] = []
      const step = keysOf(database.entries, { range, after, count: keysPerScanStep })
      for (const stored of step) {
        const frame = reader.frameAt(stored, range.exact ? undefined : prefix)
        const value = frame && decode(frame, index)
        if (value === undefined) continue
        found.push(value)
        index++
      }
      yield* found
      after = step.length < keysPerScanStep ? undefined : step.at(-1)
    } while (after !== undefined)
  }

  async clear(prefix: string, version: number): Promise<void> {
    const { database, control, queue, sweeper } = this.#open('clear')
    const now = this.#context.clock.now()
    queue.clear(prefix, version)
    const unbar = queue.bar((key) => key.startsWith(prefix), version)
    await database.transact(() => control.raise(prefix, version, now)).finally(unbar)
    await sweeper.sweepCleared(prefix)
  }

  async usage(): Promise<TierUsage> {
    const { database, queue } = this.#open('usage')
    await queue.drain()
    database.refreshReads()
    const { entries, used } = database.space()
    return { entries, bytes: used, maxBytes: this.#settings.maxBytes }
  }

  async #start(): Promise<TierOpening> {
    await this.#closing
    const { maxBytes, durability } = this.#settings
    const context = this.#context
    const recency = this.#recency
    const database = await openDatabase({
      folder: new Folder(this.#settings.folder, context.name),
      durability,
      context,
    })
    const control = new Control(database)
    control.refresh()
    const writes = new VersionedWrites(database, control)
    const queue = new WriteQueue({
      timers: context.timers,
      write: (records) => this.#write({ database, writes, eviction }, records),
      reportFailure: (error) => context.report({ type: 'tier-error', tier: context.name, operation: 'set', error }),
    })
    const reader = new RecordReader({ database, control, queue, recency, context })
    const eviction = new Eviction({ database, recency, context, maxBytes })
    const sweeper = new Sweeper({ database, control, eviction, context })
    this.#parts = { database, control, reader, writes, queue, eviction, sweeper }
    sweeper.start()
    return { highestVersion: readState(database.state)?.highestVersion ?? 0 }
  }

  async #stop(): Promise<void> {
    await this.#opening?.catch(() => {})
    const parts = this.#parts
    this.#opening = undefined
    this.#parts = undefined
    if (parts === undefined) return
    try {
      await parts.queue.close()
    } finally {
      await parts.sweeper.stop()
      await parts.database.close()
    }
  }

  #open(operation: string): OpenParts {
    if (this.#parts !== undefined) return this.#parts
    const { name: tier } = this.#context
    throw new TierError(`The tier ${tier} is not open: call open() first`, {
      code: 'ERR_CACHE_TIER_CLOSED',
      operation,
      tier,
    })
  }

  async #enqueue(parts: OpenParts, records: readonly TierRecord[]): Promise<WriteOutcome[]> {
    const outcomes: WriteOutcome[] = []
    for (const record of records) {
      parts.reader.begin()
      const outcome = parts.writes.isSuperseded(record) ? 'superseded' : parts.queue.add(record)
      if (outcome === 'pending') this.#recency.touch(record.key)
      // A full queue makes its writers wait for the disk.
      outcomes.push(outcome ?? (await this.#write(parts, [record]))[0] ?? 'refused')
    }
    return outcomes
  }

  async #write(
    { database, writes, eviction }: Pick<OpenParts, 'database' | 'writes' | 'eviction'>,
    records: readonly TierRecord[],
  ): Promise<WriteOutcome[]> {
    if (records.length === 0) return []
    for (const { key } of records) this.#recency.touch(key)
    const size = records.reduce((sum, { bytes }) => sum + bytes.length, 0)
    return eviction.admit(size, () => database.transact(() => writes.putAll(records, this.#context.clock.now())))
  }

  #isStorable({ key, bytes }: TierRecord): boolean {
    const size = recordOverhead(key.length * 2) + bytes.length
    if (size <= this.#settings.maxBytes * largestShare) return true
    const { name: tier } = this.#context
    this.#context.report({ type: 'evict', tier, namespace: namespaceOf(key), reason: 'too-large', count: 1 })
    return false
  }
}
