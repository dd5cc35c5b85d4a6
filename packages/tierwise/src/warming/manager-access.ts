import type { CacheManager } from '../contract/cache.ts'
import type { BackgroundErrorEvent, WarmingEvent } from '../contract/events.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { HotKeySource } from '../contract/warming.ts'
import { ConfigError } from '../errors.ts'

/** What warming needs of a manager besides its public verbs. */
export interface ManagerAccess {
  readonly runtime: Runtime
  readonly hotKeys: HotKeySource
  readonly isStopped: boolean
  /** Name of the tier in memory, if there is one. */
  readonly memory: string | undefined
  /** Whether any tier outlives the process. */
  readonly keepsRecords: boolean
  /** Names of the tiers that a namespace has, fastest first. */
  tiersOf(namespace: string): readonly string[]
  emit(event: WarmingEvent | BackgroundErrorEvent): void
  /** Work that `stop` waits for while the tiers can still be used. Returns the function that takes it back. */
  beforeStop(work: () => Promise<void>): () => void
}

const accesses = new WeakMap<CacheManager, ManagerAccess>()

/** Called once by who builds the manager. */
export function giveAccess(manager: CacheManager, access: ManagerAccess): void {
  accesses.set(manager, access)
}

/** @throws ConfigError ERR_CACHE_OPTION when the manager was not made by `createCacheManager` of this package */
export function accessTo(manager: CacheManager): ManagerAccess {
  const access = accesses.get(manager)
  if (access !== undefined) return access
  throw new ConfigError(
    '`manager` must be a manager made by `createCacheManager`, from the same copy of the package.',
    {
      code: 'ERR_CACHE_OPTION',
    },
  )
}
