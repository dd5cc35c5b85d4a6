import type { CacheManager } from '../../contract/cache.ts'
import type { Timer } from '../../contract/runtime.ts'
import type { Warming, WarmingTask } from '../../contract/warming.ts'
import { accessTo, type ManagerAccess } from '../manager-access.ts'
import { pause } from '../pauses.ts'
import { HotKeyRefresh } from './hot-key-refresh.ts'
import { readKeepWarmOptions, type KeepWarmOptions, type ResolvedKeepWarmOptions } from './keep-warm-options.ts'
import { MemoryKeyRecords } from './memory-keys.ts'
import { HotKeyRecords } from './records.ts'

/** A stop does not wait longer than this for what is to be noted. */
const lastSaveMs = 1000

/** Keeps the hot keys of namespaces warm, over restarts of the process. */
export interface KeptWarm {
  /** The warming of what an earlier process has noted; undefined with `warmNow: false`. */
  readonly warming: Warming | undefined
  /** Notes the hot keys now, besides those times that are due. Never rejects: what fails is a `background-error`. */
  save(): Promise<void>
  /** Notes them a last time and ends. The stop of the manager does it too. */
  stop(): Promise<void>
}

/**
 * Notes which keys are read most and which memory holds, in the tiers that outlive the process, and warms them after the
 * next start: the hot ones by their loader, all others from lower tiers. Instances that share a tier share what they note. A manager with nothing behind memory
 * forgets. Needs `statistics`, which are on by default.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const kept = keepWarm(manager, { namespaces: { factors: { load: ({ key }) => readFactor(key), refreshBelow: 0.2 } } })
 * await kept.warming
 */
export function keepWarm(manager: CacheManager, options: KeepWarmOptions): KeptWarm {
  return new WarmKeeper(manager, accessTo(manager), readKeepWarmOptions(options))
}

class WarmKeeper implements KeptWarm {
  readonly warming: Warming | undefined
  readonly #access: ManagerAccess
  readonly #options: ResolvedKeepWarmOptions
  readonly #records: HotKeyRecords
  readonly #memoryRecords: MemoryKeyRecords
  /** As the manager calls the namespaces: they may have been given by an alias. */
  readonly #names: readonly string[]
  readonly #refresh: HotKeyRefresh
  readonly #takeBack: () => void
  readonly #ended = new AbortController()
  #timer: Timer | undefined
  #saving: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | undefined

  constructor(manager: CacheManager, access: ManagerAccess, options: ResolvedKeepWarmOptions) {
    this.#access = access
    this.#options = options
    const now = (): number => access.runtime.clock.now()
    this.#records = new HotKeyRecords(manager, now)
    this.#memoryRecords = new MemoryKeyRecords(manager, now)
    this.#names = options.namespaces.map(({ name }) => manager.namespace(name).name)
    this.#refresh = new HotKeyRefresh(manager, access, options)
    this.#takeBack = access.beforeStop(() => this.stop())
    this.warming = options.warmNow ? this.#warm(manager) : undefined
    this.#saveLater()
  }

  save(): Promise<void> {
    // One after the other: each builds on what the one before has noted.
    this.#saving = this.#saving.then(() => this.#saveAll())
    return this.#saving
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopOnce()
    return this.#stopping
  }

  #warm(manager: CacheManager): Warming {
    const { namespaces, memoryKeys } = this.#options
    const plan = namespaces.flatMap(({ refreshBelow: _below, name: _alias, ...loads }, at): WarmingTask[] => {
      const namespace = this.#names[at]!
      return [
        { namespace, hotKeys: true, priority: 'high', ...loads },
        { namespace, keys: () => this.#memoryRecords.read(namespace, memoryKeys), priority: 'medium' },
      ]
    })
    const warming = manager.warm(plan, this.#options.warming)
    // Nobody has to look at it.
    warming.catch((error: unknown) => this.#tell('warming', error))
    return warming
  }

  #saveLater(): void {
    const { saveEveryMs } = this.#options
    if (saveEveryMs === Infinity) return
    const { timers, random } = this.#access.runtime
    // Instances that started together are not to write together.
    this.#timer = timers.after(saveEveryMs * (0.75 + random() / 2), () => {
      void this.save()
      this.#saveLater()
    })
  }

  async #saveAll(): Promise<void> {
    const { hotKeys, memory, keepsRecords } = this.#access
    if (!keepsRecords) return
    const most = this.#options.memoryKeys
    const tell = (error: unknown): void => this.#tell('hot keys', error)
    for (const name of this.#names) {
      await this.#records.save(name, hotKeys, this.#options).catch(tell)
      if (memory !== undefined && most > 0) await this.#memoryRecords.save(name, { memory, most }).catch(tell)
    }
  }

  async #stopOnce(): Promise<void> {
    this.#timer?.cancel()
    this.#refresh.stop()
    void this.warming?.stop().catch(() => undefined)
    const { timers } = this.#access.runtime
    await Promise.race([this.save(), pause(lastSaveMs, { timers, signal: this.#ended.signal })])
    this.#ended.abort()
    this.#takeBack()
  }

  #tell(work: string, error: unknown): void {
    this.#access.emit({ type: 'background-error', work, error })
  }
}
