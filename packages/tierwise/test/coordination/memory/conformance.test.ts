import * as runner from 'vitest'

import { memoryCoordination } from '../../../src/coordination/memory/memory-coordination.ts'
import { coordinationConformance } from '../../../src/testing/coordination-conformance.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { checkTimers } from '../../../src/testing/invariants.ts'

coordinationConformance({
  name: 'memory',
  runner,
  create: async () => {
    const runtime = fakeRuntime()
    const store = memoryCoordination({ runtime })
    return {
      handles: [store, store],
      advance: (ms) => runtime.advance(ms),
      stop: async () => {
        await store.close()
        checkTimers(runtime)
      },
    }
  },
})

coordinationConformance({
  name: 'memory, on real time',
  runner,
  create: async () => {
    const store = memoryCoordination()
    return { handles: [store, store], stop: () => store.close() }
  },
})
