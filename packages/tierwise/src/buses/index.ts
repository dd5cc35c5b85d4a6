export type { BusDefinition, InProcessBusOptions } from './definition.ts'
export { memoryBus } from './memory-bus.ts'
export { memoryHub, type HubFaults, type MemoryHub } from './memory-hub.ts'
export { threadBus, type ThreadBusOptions } from './thread-bus.ts'
