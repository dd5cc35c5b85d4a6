import type { CacheManager } from '../../src/contract/cache.ts'
import { accessTo, giveAccess } from '../../src/warming/manager-access.ts'

/** Says which keys are hot, instead of the statistics of the manager. */
export function tellHotKeys(manager: CacheManager, hot: Readonly<Record<string, number>>): void {
  const access = accessTo(manager)
  giveAccess(manager, {
    runtime: access.runtime,
    hotKeys: {
      hotKeys: () => Object.entries(hot).map(([key, reads]) => ({ key, reads })),
      namespaces: () => ['factors'],
    },
    isStopped: false,
    memory: access.memory,
    keepsRecords: access.keepsRecords,
    tiersOf: (namespace) => access.tiersOf(namespace),
    emit: (event) => access.emit(event),
    beforeStop: (work) => access.beforeStop(work),
  })
}
