export { memoryCoordination, type MemoryCoordinationOptions } from './memory-coordination.ts'
