import { boolean, duration, oneOf, readOptions, shaped, texts } from '../../base/option-reader.ts'
import { systemRuntime } from '../../base/runtime.ts'
import type { CacheManager } from '../../contract/cache.ts'
import type { CacheEventType } from '../../contract/events.ts'
import type { Duration } from '../../contract/options.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { rareEvents } from '../rare-events.ts'
import { lineOf, type LogLevel } from './log-line.ts'
import { QuietLog } from './quiet-log.ts'

/** What lines are written to: pino, `console`, or anything alike. */
export type EventLogger = Readonly<Record<LogLevel, (fields: object, message: string) => void>>

/** What `logEvents` takes. */
export interface LogEventsOptions {
  /** The events that are listened to. @default those that are rare, loads and refreshes */
  readonly types?: readonly CacheEventType[]
  /** Lines below it are not written. @default 'info' */
  readonly level?: LogLevel
  /** Whether lines have keys, tags and patterns. @default false */
  readonly keys?: boolean
  /** Of a kind of line the first is written, and then how many there were, once in this time. @default '10s' */
  readonly interval?: Duration
  /** Timers; for tests. @default those of Node */
  readonly runtime?: Pick<Runtime, 'timers'>
}

const table = {
  types: texts,
  level: oneOf('debug', 'info', 'warn', 'error'),
  keys: boolean,
  interval: duration,
  runtime: shaped(
    'an object with timers',
    (raw): raw is Pick<Runtime, 'timers'> => typeof raw === 'object' && raw !== null && 'timers' in raw,
  ),
}

/**
 * Writes events as structured lines: what ails a tier as errors and warnings, the rest as information. No line has a
 * value or a credential. However many events there are, the lines are few. Returns the function that ends it.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const stop = logEvents(manager, console)
 * stop()
 */
export function logEvents(manager: CacheManager, logger: EventLogger, options: LogEventsOptions = {}): () => void {
  const read = readOptions(options, 'logEvents', table)
  const types = (read.types ?? [...rareEvents, 'load', 'refresh']) as readonly CacheEventType[]
  const log = new QuietLog({
    logger,
    level: read.level ?? 'info',
    intervalMs: read.interval ?? 10_000,
    timers: (read.runtime ?? systemRuntime()).timers,
  })
  const stops = [...new Set(types)].map((type) =>
    manager.on(type, (event) => log.write(lineOf(event, read.keys ?? false))),
  )
  return () => {
    for (const stop of stops.splice(0)) stop()
    log.close()
  }
}
