import * as vitest from 'vitest'

import { systemRuntime } from '../../src/base/runtime.ts'
import { memoryBus, memoryHub, threadBus } from '../../src/buses/index.ts'
import { busConformance } from '../../src/testing/bus-conformance.ts'
import { announcingInstance } from './announcing-instance.ts'

const maxStalenessMs = 1500

busConformance({
  name: 'in memory',
  open: async () => {
    const hub = memoryHub(systemRuntime())
    return {
      join: async (runtime) => announcingInstance(memoryBus(hub, { maxStalenessMs }), runtime),
      close: async () => undefined,
      leftovers: async () => (hub.size === 0 ? [] : [`${hub.size} listen`]),
    }
  },
  runner: vitest,
  maxStalenessMs,
})

let names = 0

busConformance({
  name: 'of threads',
  open: async () => {
    const name = `conformance ${names++}`
    return {
      join: async (runtime) => announcingInstance(threadBus({ name, maxStalenessMs }), runtime),
      close: async () => undefined,
    }
  },
  runner: vitest,
  maxStalenessMs,
})
