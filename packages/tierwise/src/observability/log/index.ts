export { logEvents, type EventLogger, type LogEventsOptions } from './log-events.ts'
export { type LogLevel } from './log-line.ts'
