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

/** The due time of a key that is being looked at. */
const inHand = Infinity

/** When a key is looked at again; 0 for one that is new. */
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

  constructor(manager: CacheManager, access: ManagerAccess, options: ResolvedKeepWarmOptions) {
    this.#manager = manager
    this.#access = access
    this.#kept = options.namespaces.filter(({ refreshBelow }) => refreshBelow > 0)
    this.#claims = new Claims(manager, { owner: randomUUID(), ttlMs: claimMs })
    this.#slots = new Slots(options.refreshConcurrency)
    setMaxListeners(0, this.#ended.signal)
    if (this.#kept.length > 0) this.#timer = access.runtime.timers.every(options.refreshEveryMs, () => this.#look())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#ended.abort()
  }

  #look(): void {
    for (const kept of this.#kept) {
      const cache = this.#manager.namespace(kept.name)
      const due = this.#dueTimes.get(cache.name) ?? new Map<string, number>()
      this.#dueTimes.set(cache.name, due)
      const hot = new Set(this.#access.hotKeys.hotKeys(cache.name).map(({ key }) => key))
      for (const [key, at] of due) if (!hot.has(key) && at !== inHand) due.delete(key)
      const now = this.#access.runtime.clock.now()
      // One that takes long holds up no other.
      for (const key of hot) if ((due.get(key) ?? 0) <= now) void this.#lookAtKey(key, { kept, cache, due })
    }
  }

  async #lookAtKey(
    key: string,
    { kept, cache, due }: { readonly kept: ResolvedKept; readonly cache: Cache; readonly due: DueTimes },
  ): Promise<void> {
    const isNew = (due.get(key) ?? 0) === 0
    due.set(key, inHand)
    let nextAt = this.#access.runtime.clock.now() + claimMs
    await this.#slots.take()
    try {
      if (!this.#ended.signal.aborted) nextAt = await this.#examine(key, { kept, cache, isNew })
    } catch (error) {
      this.#tell(error)
    } finally {
      due.set(key, nextAt)
      this.#slots.give()
    }
  }

  /** Loads the key if it is time. When to look at it again. */
  async #examine(
    key: string,
    { kept, cache, isNew }: { readonly kept: ResolvedKept; readonly cache: Cache; readonly isNew: boolean },
  ): Promise<number> {
    const { clock, random } = this.#access.runtime
    const entry = await cache.getEntry(key)
    const now = clock.now()
    // What is gone was removed, or nobody wants it any more; whoever asks for it loads it.
    if (entry?.expiresAt === undefined || entry.stale) return now + claimMs
    const endsAt = entry.expiresAt.getTime()
    const windowMs = (endsAt - entry.createdAt.getTime()) * kept.refreshBelow
    // Its instant is drawn when the key is new here, and again once somebody has refreshed it.
    if (isNew || endsAt - windowMs > now) {
      const at = endsAt - windowMs * (0.5 + random() / 2)
      if (at > now) return at
    }
    if ((await this.#takeNewer(key, entry, cache)) || (await this.#refresh(key, kept, cache))) return 0
    // The loader failed, or another instance is at it.
    return now + Math.max((endsAt - now) / 2, 1)
  }

  /** Whether this instance has loaded the key. */
  async #refresh(key: string, kept: ResolvedKept, cache: Cache): Promise<boolean> {
    if (!(await this.#claims.take(`refresh:${canonicalDigest([cache.name, key])}`))) return false
    return this.#load(key, kept, cache).then(
      () => true,
      (error: unknown) => {
        this.#tell(error)
        return false
      },
    )
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
    if (this.#ended.signal.aborted) return
    this.#access.emit({ type: 'background-error', work: 'refresh of hot keys', error })
  }
}
