import type {
  Decode,
  RawRecord,
  RawStore,
  Tier,
  TierCapabilities,
  TierOpening,
  TierRecord,
  TierUsage,
  WriteOutcome,
} from '../../contract/tier.ts'
import { TierError } from '../../errors.ts'
import { carry } from './raw-envelope.ts'

/** Now, by the clock of this process and on the scale of the versions. */
export interface Instant {
  readonly askedAt: number
  readonly version: number
}

/**
 * The plain keys of a store as a tier. A plain value has no version and no frame, so what is known of it otherwise, its
 * end and the instant before it was asked for, travels to the envelope in front of its bytes.
 *
 * Opened, closed and measured with the tier that it is a view of.
 */
export class RawTier implements Tier {
  readonly sync = false
  readonly capabilities: TierCapabilities
  readonly #store: RawStore
  readonly #now: () => Instant

  constructor(of: { readonly store: RawStore; readonly capabilities: TierCapabilities; readonly now: () => Instant }) {
    this.#store = of.store
    this.#now = of.now
    this.capabilities = { ...of.capabilities, versions: false, tags: false, scan: true, bytes: false }
  }

  async open(): Promise<TierOpening> {
    return { highestVersion: 0 }
  }

  async close(): Promise<void> {}

  async get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]> {
    const now = this.#now()
    const records = await this.#store.get(keys)
    return records.map((record, index) =>
      record === undefined ? undefined : decode(carry({ ...record, ...now }), index),
    )
  }

  async set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[]> {
    await this.#store.set(records.map(({ key, bytes, expiresAt }): RawRecord => ({ key, bytes, expiresAt })))
    return records.map(() => 'applied')
  }

  delete(keys: readonly string[]): Promise<readonly boolean[]> {
    return this.#store.delete(keys)
  }

  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    const now = this.#now()
    let index = 0
    for await (const key of this.#store.scan(prefix)) {
      const found = decode(carry({ bytes: new TextEncoder().encode(key), expiresAt: Infinity, ...now }), index++)
      if (found !== undefined) yield found
    }
  }

  /** Whoever clears plain keys lists and deletes them, so that no step takes longer than an operation may. */
  async clear(): Promise<void> {
    throw new TierError('Plain keys are cleared by listing and deleting them.', {
      code: 'ERR_CACHE_TIER_WRITE',
      operation: 'clear',
    })
  }

  async usage(): Promise<TierUsage> {
    return { entries: 0, bytes: undefined, maxBytes: undefined }
  }
}
