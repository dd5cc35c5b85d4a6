import type { CacheManager } from '../../contract/cache.ts'
import type { HotKeySource } from '../../contract/warming.ts'
import { hotKeysNamespace } from '../internal-namespaces.ts'

/** A key and how hot it is: reads, less the older they are. */
export type HotEntry = readonly [key: string, heat: number]

/** The most that is kept of a namespace. */
export const mostHotKeys = 64

/** What is stored of a namespace. */
interface HotKeysRecord {
  readonly format: 1
  readonly savedAt: number
  readonly keys: readonly HotEntry[]
}

/** Far below what the hottest keys have, a key is no hot one. */
const leastShare = 0.001
const keptForMs = 30 * 86_400_000

export interface HotKeyKeeping {
  /** Keys of a namespace at most, up to 64. */
  readonly keys: number
  /** After this time the reads that another process, or an earlier one, has noted count half. */
  readonly halfLifeMs: number
}

/**
 * The keys that were read most, in the tiers that outlive the process. All processes write into one record a namespace:
 * a key is as hot as it was where it was hottest, so that it does not matter how often one process writes. When two write
 * at once one of them is lost, and comes with its next.
 */
export class HotKeyRecords {
  readonly #manager: CacheManager
  readonly #now: () => number

  constructor(manager: CacheManager, now: () => number) {
    this.#manager = manager
    this.#now = now
  }

  /** Hottest first; empty when there is no record, or none that can be used. */
  async read(namespace: string): Promise<readonly HotEntry[]> {
    return (await this.#stored(namespace))?.keys ?? []
  }

  /** Notes the keys that are hot now, beside what is noted already. */
  async save(namespace: string, source: HotKeySource, { keys, halfLifeMs }: HotKeyKeeping): Promise<void> {
    const hot = source.hotKeys(namespace)
    // Nothing new: what is noted may stay as it is.
    if (hot.length === 0) return
    const now = this.#now()
    const stored = await this.#stored(namespace)
    const heat = new Map<string, number>()
    const faded = stored === undefined ? 1 : 0.5 ** (Math.max(now - stored.savedAt, 0) / halfLifeMs)
    for (const [key, before] of stored?.keys ?? []) heat.set(key, before * faded)
    for (const { key, reads } of hot) heat.set(key, Math.max(heat.get(key) ?? 0, reads))
    const record: HotKeysRecord = { format: 1, savedAt: now, keys: hottest(heat, Math.min(keys, mostHotKeys)) }
    await this.#manager.namespace(hotKeysNamespace).set(namespace, record, { ttl: keptForMs })
  }

  async #stored(namespace: string): Promise<HotKeysRecord | undefined> {
    return readRecord(await this.#manager.namespace(hotKeysNamespace).get(namespace))
  }
}

function hottest(heat: ReadonlyMap<string, number>, most: number): readonly HotEntry[] {
  const sorted = [...heat].filter(isEntry).toSorted((a, b) => b[1] - a[1])
  const least = (sorted[0]?.[1] ?? 0) * leastShare
  return sorted.filter(([, each]) => each > 0 && each >= least).slice(0, most)
}

/** Another version of this library, or something else, may have written it. */
function readRecord(raw: unknown): HotKeysRecord | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined
  const { format, savedAt, keys } = raw as Partial<Record<keyof HotKeysRecord, unknown>>
  if (format !== 1 || typeof savedAt !== 'number' || !Number.isFinite(savedAt) || !Array.isArray(keys)) return undefined
  const usable = (keys as readonly unknown[]).filter(isEntry)
  return { format, savedAt, keys: usable.toSorted((a, b) => b[1] - a[1]).slice(0, mostHotKeys) }
}

function isEntry(raw: unknown): raw is HotEntry {
  if (!Array.isArray(raw) || raw.length !== 2) return false
  const [key, heat] = raw as readonly unknown[]
  return typeof key === 'string' && key !== '' && typeof heat === 'number' && Number.isFinite(heat) && heat >= 0
}
