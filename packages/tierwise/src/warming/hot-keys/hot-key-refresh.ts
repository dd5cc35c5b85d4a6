import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { canonicalDigest } from '../../base/canonical.ts'
import type { Cache, CacheManager, EntryInfo } from '../../contract/cache.ts'
import type { Timer } from '../../contract/runtime.ts'
import { Claims } from '../claims.ts'
import { lifeOf } from '../life.ts'
import type { ManagerAccess } from '../manager-access.ts'
import { Slots } from '../slots.ts'
import type { ResolvedKeepWarmOptions, ResolvedKept } from './keep-warm-options.ts'

/** For so long no other instance refreshes the same key. */
const claimMs = 10_000

/** When a key is looked at again. */
type DueTimes = Map<string, number>

/**
 * Loads hot keys before they end. A key is looked at when it gets hot and then when it is due: at an instant that each
 * instance draws for itself, so that neither keys nor instances come together. One instance refreshes a key.
 */
export class HotKeyRefresh {
  readonly #manager: CacheManager
  readonly #access: ManagerAccess
  readonly #kept: readonly ResolvedKept[]
  readonly #claims: Claims
  readonly #slots: Slots
  readonly #dueTimes = new Map<string, DueTimes>()
  readonly #ended = new AbortController()
  readonly #timer: Timer | undefined
  #isLooking = false

  constructor(manager: CacheManager, access: ManagerAccess, options: ResolvedKeepWarmOptions) {
    this.#manager = manager
    this.#access = access
    this.#kept = options.namespaces.filter(({ refreshBelow }) => refreshBelow > 0)
    this.#claims = new Claims(manager, { owner: randomUUID(), ttlMs: claimMs })
    this.#slots = new Slots(options.refreshConcurrency)
    setMaxListeners(0, this.#ended.signal)
    if (this.#kept.length > 0)
      this.#timer = access.runtime.timers.every(options.refreshEveryMs, () => void this.#look())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#ended.abort()
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      await Promise.all(this.#kept.map((kept) => this.#lookAt(kept)))
    } catch (error) {
      this.#tell(error)
    } finally {
      this.#isLooking = false
    }
  }

  async #lookAt(kept: ResolvedKept): Promise<void> {
    const cache = this.#manager.namespace(kept.name)
    const hot = this.#access.hotKeys.hotKeys(cache.name).map(({ key }) => key)
    const before = this.#dueTimes.get(cache.name)
    const due: DueTimes = new Map(hot.map((key) => [key, before?.get(key) ?? 0]))
    this.#dueTimes.set(cache.name, due)
    const now = this.#access.runtime.clock.now()
    await Promise.all(
      hot.filter((key) => due.get(key)! <= now).map((key) => this.#lookAtKey(key, { kept, cache, due })),
    )
  }

  async #lookAtKey(
    key: string,
    { kept, cache, due }: { readonly kept: ResolvedKept; readonly cache: Cache; readonly due: DueTimes },
  ): Promise<void> {
    const { clock, random } = this.#access.runtime
    await this.#slots.take()
    try {
      if (this.#ended.signal.aborted) return
      const entry = await cache.getEntry(key)
      const now = clock.now()
      // What is gone was removed, or nobody wants it any more; whoever asks for it loads it.
      if (entry?.expiresAt === undefined || entry.stale) return void due.set(key, now + claimMs)
      const endsAt = entry.expiresAt.getTime()
      const windowMs = (endsAt - entry.createdAt.getTime()) * kept.refreshBelow
      // Its instant is drawn when the key is new here, and again once somebody has refreshed it.
      if (due.get(key) === 0 || endsAt - windowMs > now) {
        const at = endsAt - windowMs * (0.5 + random() / 2)
        due.set(key, at)
        if (at > now) return
      }
      if (await this.#takeNewer(key, entry, cache)) return void due.set(key, 0)
      // Also after a failure: the next try comes when half of the time that is left has passed.
      due.set(key, now + Math.max((endsAt - now) / 2, 1))
      if (await this.#claims.take(`refresh:${canonicalDigest([cache.name, key])}`)) {
        await this.#load(key, kept, cache)
        due.set(key, 0)
      }
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#tell(error)
    } finally {
      this.#slots.give()
    }
  }

  /** Whether a tier below had a newer value, which another instance has brought: no change, so nobody tells of it. */
  async #takeNewer(key: string, { version }: EntryInfo<unknown>, cache: Cache): Promise<boolean> {
    const tiers = this.#access.tiersOf(cache.name).filter((name) => name !== this.#access.memory)
    if (tiers.length === 0) return false
    const below = await cache.getEntry(key, { tiers })
    if (below === undefined || below.stale || below.version <= version) return false
    // A token is a version; memory, which holds an older one, then takes the newer.
    return (await cache.get(key, { after: below.version.toString(36) })) !== undefined
  }

  /** Rejects when the loader does, also where the present value goes on standing in for what it did not bring. */
  async #load(key: string, kept: ResolvedKept, cache: Cache): Promise<void> {
    const { load, loadMany } = kept
    const options = { ...lifeOf(kept), forceFresh: true, signal: this.#ended.signal }
    let failure: { readonly error: unknown } | undefined
    const observed = async <T>(work: () => T | Promise<T>): Promise<T> => {
      try {
        return await work()
      } catch (error) {
        failure = { error }
        throw error
      }
    }
    if (loadMany !== undefined)
      await cache.getOrSetMany([key], (keys, context) => observed(() => loadMany(keys, context)), options)
    else await cache.getOrSet(key, (context) => observed(() => load?.(context as never)), options)
    if (failure !== undefined) throw failure.error
  }

  #tell(error: unknown): void {
    this.#access.emit({ type: 'background-error', work: 'refresh of hot keys', error })
  }
}
