export { publishEvents, type PublishEventsOptions } from './publish-events.ts'
export type { TracedLoad, TracedOperation } from '../../core/tracing.ts'
