import type { BusDefinition } from '../../src/buses/index.ts'
import type { BusChange } from '../../src/contract/bus.ts'
import type { Runtime } from '../../src/contract/runtime.ts'
import type { BusInstance } from '../../src/testing/bus-conformance.ts'

let version = 0

/** An instance without a shared store: it gives the versions itself and announces what it changes. */
export function announcingInstance(definition: BusDefinition, runtime: Runtime): BusInstance {
  const bus = definition.create(runtime)
  return {
    bus,
    change: async (wanted) => {
      const changes = wanted.map((each): BusChange => {
        version++
        return each.operation === 'tags'
          ? { kind: 'tags', names: each.names, clock: version }
          : { kind: 'key', operation: each.operation, key: each.key, version }
      })
      bus.announce?.(changes)
      return changes
    },
  }
}
