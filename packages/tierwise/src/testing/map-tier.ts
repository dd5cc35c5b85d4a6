import type { Clock, Timer } from '../contract/runtime.ts'
import type { TagStore } from '../contract/tags.ts'
import type {
  Decode,
  NoteStore,
  RawRecord,
  RawStore,
  Tier,
  TierCapabilities,
  TierContext,
  TierDefinition,
  TierOpening,
  TierRecord,
  TierUsage,
  WriteOutcome,
} from '../contract/tier.ts'
import { TierError } from '../errors.ts'

export interface MapTierOptions {
  /** @default 'map' */
  readonly name?: string
  /** Capabilities to switch off. @default all on */
  readonly capabilities?: Partial<TierCapabilities>
  /** How long each operation takes on the injected timers. @default 0, which is a few microtasks */
  readonly delayMs?: number
  /** Larger records are refused. @default none */
  readonly maxRecordBytes?: number
  /** The plain keys that raw namespaces share with other code: fill and read it as that code. @default the tier cannot be raw */
  readonly plain?: Map<string, RawRecord>
  /** The clock of a store that has one of its own; only to say how far it is ahead. @default none */
  readonly storeClock?: Pick<Clock, 'now'>
}

/**
 * A byte tier over a `Map`, written as the plainest reading of the `Tier` contract: the stand-in for a shared or durable
 * store in tests.
 *
 * The definition owns the store while `shared` or `durable` is on, so that several managers share it and it can be
 * opened again. Bytes are copied on the way in, and `decode` sees a buffer that is overwritten as soon as it returns, so
 * whoever keeps a reference is caught.
 */
export function mapTier(options: MapTierOptions = {}): TierDefinition {
  const settings: MapTierSettings = {
    capabilities: { ...allCapabilities, ...options.capabilities },
    delayMs: options.delayMs ?? 0,
    maxRecordBytes: options.maxRecordBytes ?? Infinity,
    plain: options.plain,
    storeClock: options.storeClock,
  }
  const { shared, durable } = settings.capabilities
  const common = emptyStore()
  return {
    name: options.name ?? 'map',
    create: (context) => new MapTier(context, settings, shared || durable ? common : emptyStore()),
  }
}

const allCapabilities: TierCapabilities = {
  shared: true,
  durable: true,
  versions: true,
  scan: true,
  bytes: true,
  tags: true,
  notes: true,
}

type MapTierSettings = Required<Pick<MapTierOptions, 'delayMs' | 'maxRecordBytes'>> & {
  readonly capabilities: TierCapabilities
  readonly plain: Map<string, RawRecord> | undefined
  readonly storeClock: Pick<Clock, 'now'> | undefined
}

/** What is held for a key: a record, or the mark of a deletion when `bytes` is undefined. */
interface Held {
  readonly bytes: Uint8Array | undefined
  readonly expiresAt: number
  readonly version: number
}

interface MapStore {
  readonly held: Map<string, Held>
  readonly tags: { clock: number; readonly marks: Map<string, number> }
  readonly notes: Map<string, Uint8Array>
}

function emptyStore(): MapStore {
  return { held: new Map(), tags: { clock: 0, marks: new Map() }, notes: new Map() }
}

class MapTier implements Tier {
  readonly sync = false
  readonly capabilities: TierCapabilities
  readonly tags?: TagStore
  readonly notes?: NoteStore
  readonly raw?: RawStore
  #state: 'new' | 'open' | 'closed' = 'new'
  readonly #context: TierContext
  readonly #settings: MapTierSettings
  readonly #store: MapStore
  readonly #waiting = new Map<Timer, (reason: TierError) => void>()

  constructor(context: TierContext, settings: MapTierSettings, store: MapStore) {
    this.#context = context
    this.#settings = settings
    this.#store = store
    this.capabilities = settings.capabilities
    if (settings.capabilities.tags) this.tags = this.#tagStore()
    if (settings.capabilities.notes === true) this.notes = this.#noteStore()
    if (settings.plain) this.raw = this.#rawStore(settings.plain)
  }

  get clockOffsetMs(): number | undefined {
    const { storeClock } = this.#settings
    return storeClock && storeClock.now() - this.#context.clock.now()
  }

  async open(): Promise<TierOpening> {
    if (this.#state === 'closed') throw this.#unavailable('open')
    this.#state = 'open'
    let highestVersion = 0
    for (const { version } of this.#store.held.values()) highestVersion = Math.max(highestVersion, version)
    return { highestVersion }
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    for (const [timer, reject] of this.#waiting) {
      timer.cancel()
      reject(this.#unavailable('close'))
    }
    this.#waiting.clear()
  }

  async get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]> {
    await this.#ready('get')
    return keys.map((key, index) => {
      const bytes = this.#live(key)
      return bytes && decodeInPassing(bytes, index, decode)
    })
  }

  async set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[]> {
    await this.#ready('set')
    return records.map((record) => this.#write(record))
  }

  async delete(keys: readonly string[], version: number): Promise<readonly boolean[]> {
    await this.#ready('delete')
    return keys.map((key) => {
      if (this.#isNewerHeld(key, version)) return false
      const wasHeld = this.#live(key) !== undefined
      if (this.capabilities.versions) this.#store.held.set(key, { bytes: undefined, expiresAt: Infinity, version })
      else this.#store.held.delete(key)
      return wasHeld
    })
  }

  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    await this.#ready('scan')
    if (!this.capabilities.scan) throw this.#incapable('scan')
    let index = 0
    // A copy, because a key that is deleted and stored again while the visitor works would come a second time.
    const keys = [...this.#store.held.keys()]
    for (const key of keys) {
      // The visitor may have taken its time: the tier may be closed by now, and the key gone.
      this.#assertOpen('scan')
      const bytes = key.startsWith(prefix) ? this.#live(key) : undefined
      const found = bytes && decodeInPassing(bytes, index++, decode)
      if (found !== undefined) yield found
    }
  }

  async clear(prefix: string, version: number): Promise<void> {
    await this.#ready('clear')
    for (const [key, held] of this.#store.held) {
      if (held.bytes && key.startsWith(prefix) && held.version <= version) this.#store.held.delete(key)
    }
  }

  async usage(): Promise<TierUsage> {
    await this.#ready('usage')
    let entries = 0
    let bytes = 0
    for (const key of this.#store.held.keys()) {
      const live = this.#live(key)
      if (!live) continue
      entries++
      bytes += live.byteLength + 2 * key.length
    }
    return { entries, bytes: this.capabilities.bytes ? bytes : undefined, maxBytes: undefined }
  }

  #write(record: TierRecord): WriteOutcome {
    const { key, bytes, expiresAt, version, ifNotAfter = version } = record
    if (bytes.byteLength > this.#settings.maxRecordBytes) return 'refused'
    if (this.#isNewerHeld(key, Math.min(version, ifNotAfter))) return 'superseded'
    this.#store.held.set(key, { bytes: new Uint8Array(bytes), expiresAt, version })
    return 'applied'
  }

  #live(key: string): Uint8Array | undefined {
    const held = this.#store.held.get(key)
    return held && held.expiresAt > this.#context.clock.now() ? held.bytes : undefined
  }

  #isNewerHeld(key: string, version: number): boolean {
    return this.capabilities.versions && (this.#store.held.get(key)?.version ?? 0) > version
  }

  #rawStore(plain: Map<string, RawRecord>): RawStore {
    const live = (key: string): RawRecord | undefined => {
      const record = plain.get(key)
      return record && record.expiresAt > this.#context.clock.now() ? record : undefined
    }
    const ready = (operation: string): Promise<void> => this.#ready(operation)
    return {
      get: async (keys) => {
        await ready('get')
        return keys.map(live)
      },
      set: async (records) => {
        await ready('set')
        for (const record of records) plain.set(record.key, { ...record, bytes: new Uint8Array(record.bytes) })
      },
      delete: async (keys) => {
        await ready('delete')
        return keys.map((key) => {
          const wasHeld = live(key) !== undefined
          plain.delete(key)
          return wasHeld
        })
      },
      async *scan(prefix) {
        await ready('scan')
        for (const key of plain.keys()) if (key.startsWith(prefix) && live(key)) yield key
      },
    }
  }

  #tagStore(): TagStore {
    const { tags } = this.#store
    return {
      load: async (after = -1) => {
        await this.#ready('tags')
        return { clock: tags.clock, marks: new Map([...tags.marks].filter(([, mark]) => mark > after)) }
      },
      invalidate: async (names, atLeast) => {
        await this.#ready('tags')
        tags.clock = Math.max(tags.clock + 1, atLeast)
        for (const name of names) tags.marks.set(name, tags.clock)
        return tags.clock
      },
    }
  }

  #noteStore(): NoteStore {
    const { notes } = this.#store
    return {
      names: async (prefix) => {
        await this.#ready('notes')
        return [...notes.keys()].filter((name) => name.startsWith(prefix))
      },
      get: async (name) => {
        await this.#ready('notes')
        const bytes = notes.get(name)
        return bytes && new Uint8Array(bytes)
      },
      set: async (name, bytes) => {
        await this.#ready('notes')
        if (bytes === undefined) notes.delete(name)
        else notes.set(name, new Uint8Array(bytes))
      },
    }
  }

  /** Takes the time an operation takes; rejects when the tier is not open, or is closed meanwhile. */
  async #ready(operation: string): Promise<void> {
    this.#assertOpen(operation)
    if (this.#settings.delayMs === 0) return
    await new Promise<void>((resolve, reject) => {
      const timer = this.#context.timers.after(this.#settings.delayMs, () => {
        this.#waiting.delete(timer)
        resolve()
      })
      this.#waiting.set(timer, reject)
    })
  }

  #assertOpen(operation: string): void {
    if (this.#state !== 'open') throw this.#unavailable(operation)
  }

  #unavailable(operation: string): TierError {
    const tier = this.#context.name
    const why = this.#state === 'new' ? 'it was not opened' : 'it is closed'
    return new TierError(`The tier ${tier} cannot take ${operation}: ${why}`, {
      code: 'ERR_CACHE_TIER_CLOSED',
      operation,
      tier,
    })
  }

  #incapable(operation: string): TierError {
    const tier = this.#context.name
    return new TierError(`The tier ${tier} has no ${operation}: see its capabilities`, {
      code: 'ERR_CACHE_TIER_READ',
      operation,
      tier,
    })
  }
}

function decodeInPassing<T>(bytes: Uint8Array, index: number, decode: Decode<T>): T | undefined {
  // Not `slice`, which gives a view of the same memory when the bytes are a `Buffer`.
  const passing = new Uint8Array(bytes)
  try {
    return decode(passing, index)
  } finally {
    passing.fill(0xa5)
  }
}
