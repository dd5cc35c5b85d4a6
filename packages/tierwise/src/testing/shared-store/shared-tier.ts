import type { Authority } from '../../contract/authority.ts'
import type { Bus } from '../../contract/bus.ts'
import type { TagStore } from '../../contract/tags.ts'
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
import type { Link } from './link.ts'
import type { Server } from './server.ts'
import { sharedAuthority } from './shared-authority.ts'
import { SharedBus } from './shared-bus.ts'

export interface SharedTierParts {
  readonly server: Server
  readonly link: Link
  readonly context: TierContext
  readonly maxStalenessMs: number
}

/** The tier of one instance: as plain as `mapTier`, with its records at the server. */
export class SharedTier implements Tier {
  readonly sync = false
  readonly capabilities: TierCapabilities = {
    shared: true,
    durable: true,
    versions: true,
    scan: true,
    bytes: true,
    tags: true,
  }
  readonly tags: TagStore
  readonly authority: Authority
  readonly bus: Bus
  readonly #server: Server
  readonly #link: Link
  readonly #context: TierContext
  #offsetMs: number | undefined

  constructor({ server, link, context, maxStalenessMs }: SharedTierParts) {
    this.#server = server
    this.#link = link
    this.#context = context
    this.tags = tagStore(server, link)
    this.authority = sharedAuthority(server, link, context.clock)
    const { clock, timers } = context
    this.bus = new SharedBus({ server, link, clock, timers, maxStalenessMs, onPoll: () => this.#measureClock() })
  }

  get clockOffsetMs(): number | undefined {
    return this.#offsetMs
  }

  async open(): Promise<TierOpening> {
    await this.#link.open()
    this.#measureClock()
    let highestVersion = 0
    for (const { version } of this.#server.state.held.values()) highestVersion = Math.max(highestVersion, version)
    return { highestVersion }
  }

  async close(): Promise<void> {
    await this.bus.stop()
    this.#link.close()
  }

  async get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]> {
    const found = await this.#link.call('get', keys, () => keys.map((key) => this.#server.live(key)))
    return found.map((record, index) => record && decodeInPassing(record, index, decode))
  }

  async set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[]> {
    const keys = records.map(({ key }) => key)
    const lives = records.map(({ expiresAt }) => expiresAt - this.#context.clock.now())
    return this.#link.call('set', keys, () => records.map((record, at) => this.#write(record, lives[at] ?? 0)))
  }

  async delete(keys: readonly string[], version: number): Promise<readonly boolean[]> {
    return this.#link.call('delete', keys, () =>
      keys.map((key) => {
        if (this.#isNewerHeld(key, version)) return false
        const wasHeld = this.#server.live(key) !== undefined
        this.#server.state.held.set(key, { bytes: undefined, expiresAt: Infinity, version })
        return wasHeld
      }),
    )
  }

  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    const keys = await this.#link.call('scan', [], () => [...this.#server.state.held.keys()])
    let index = 0
    for (const key of keys) {
      // The visitor may have taken its time: the tier may be closed by now, and the key gone.
      this.#link.assertOpen('scan')
      const record = key.startsWith(prefix) ? this.#server.live(key) : undefined
      const found = record && decodeInPassing(record, index++, decode)
      if (found !== undefined) yield found
    }
  }

  async clear(prefix: string, version: number): Promise<void> {
    return this.#link.call('clear', [], () => {
      const { held } = this.#server.state
      for (const [key, { bytes, version: of }] of held)
        if (bytes && key.startsWith(prefix) && of <= version) held.delete(key)
    })
  }

  async usage(): Promise<TierUsage> {
    return this.#link.call('usage', [], () => {
      let entries = 0
      let bytes = 0
      for (const key of this.#server.state.held.keys()) {
        const record = this.#server.live(key)
        if (!record) continue
        entries++
        bytes += record.bytes.byteLength + 2 * key.length
      }
      return { entries, bytes, maxBytes: undefined }
    })
  }

  #write({ key, bytes, version, ifNotAfter = version }: TierRecord, lifeMs: number): WriteOutcome {
    if (bytes.byteLength > this.#server.settings.maxRecordBytes) return 'refused'
    if (this.#isNewerHeld(key, Math.min(version, ifNotAfter))) return 'superseded'
    const expiresAt = this.#server.now() + lifeMs
    this.#server.state.held.set(key, { bytes: new Uint8Array(bytes), expiresAt, version })
    return 'applied'
  }

  #isNewerHeld(key: string, version: number): boolean {
    return (this.#server.state.held.get(key)?.version ?? 0) > version
  }

  #measureClock(): void {
    this.#offsetMs = this.#server.now() - this.#context.clock.now()
  }
}

function tagStore(server: Server, link: Link): TagStore {
  return {
    load: (after = -1) =>
      link.call('tags', [], () => {
        const { clock, floor, marks } = server.state.tags
        return { clock, floor, marks: new Map([...marks].filter(([, mark]) => mark > after)) }
      }),
    invalidate: (names, atLeast) =>
      link.call('tags', names, () => {
        const { tags } = server.state
        tags.clock = Math.max(tags.clock + 1, atLeast, Math.floor(server.now() * 1000))
        for (const name of names) tags.marks.set(name, tags.clock)
        if (names.length > 0) server.emit(server.tagLane, link.id, [{ kind: 'tags', names, clock: tags.clock }])
        return tags.clock
      }),
  }
}

/** Shows bytes that are overwritten as soon as `decode` returns, so whoever keeps a reference is caught. */
function decodeInPassing<T>(
  { bytes, version }: { readonly bytes: Uint8Array; readonly version: number },
  index: number,
  decode: Decode<T>,
): T | undefined {
  const passing = new Uint8Array(bytes)
  try {
    return decode(passing, index, version)
  } finally {
    passing.fill(0xa5)
  }
}
