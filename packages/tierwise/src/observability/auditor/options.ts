import {
  duration,
  optionError,
  positiveInteger,
  readOptions,
  shaped,
  type OptionReader,
} from '../../base/option-reader.ts'
import type { Duration } from '../../contract/options.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { Inconsistency } from './report.ts'

/** What is audited of a namespace. */
export interface AuditedNamespace {
  /**
   * The value of a key in its source, undefined where there is none. Asked only for keys that are sampled; compared by
   * content with what the shared tier holds. @default the source is not asked
   */
  readonly source?: (key: string) => Promise<unknown>
}

/** How an auditor goes about it. */
export interface AuditorOptions {
  /** The namespaces that are audited, each with its source if that is to be asked too. */
  readonly namespaces: Readonly<Record<string, AuditedNamespace>>
  /** Name of the memory tier. @default 'memory' */
  readonly memory?: string
  /** Name of the tier that instances share. @default 'redis' */
  readonly shared?: string
  /** Keys looked at in a round, over all namespaces. @default 100 */
  readonly sample?: number
  /** Time between two rounds. @default '1m' */
  readonly every?: Duration
  /** For how long memory may serve what has been superseded; what is seen for longer is an inconsistency. @default '6s' */
  readonly tolerance?: Duration
  /** For how long a shared tier may differ from the source, the time an application needs to invalidate. @default '1m' */
  readonly sourceTolerance?: Duration
  /** Inconsistencies that a report keeps with their traces. @default 100 */
  readonly traces?: number
  /** Told of each inconsistency when it is certain. */
  readonly onInconsistency?: (found: Inconsistency) => void
  /** Clock, timers and random numbers; for tests. @default those of Node */
  readonly runtime?: Partial<Runtime>
}

/** The options, each with a value. */
export interface ResolvedAuditorOptions {
  readonly namespaces: Readonly<Record<string, AuditedNamespace>>
  readonly memory: string
  readonly shared: string
  readonly sample: number
  readonly everyMs: number
  readonly toleranceMs: number
  readonly sourceToleranceMs: number
  readonly traces: number
  readonly onInconsistency: (found: Inconsistency) => void
}

const name: OptionReader<string> = (raw, path) => {
  if (typeof raw !== 'string' || raw === '') throw optionError(path, raw, 'the name of a tier')
  return raw
}

const isNamespaces = (raw: unknown): raw is Readonly<Record<string, AuditedNamespace>> =>
  typeof raw === 'object' &&
  raw !== null &&
  Object.keys(raw).length > 0 &&
  Object.values(raw).every(
    (each: unknown) =>
      typeof each === 'object' &&
      each !== null &&
      ['undefined', 'function'].includes(typeof (each as AuditedNamespace).source),
  )

const table = {
  namespaces: shaped('an object of namespaces, each with a `source` function or empty', isNamespaces),
  memory: name,
  shared: name,
  sample: positiveInteger,
  every: duration,
  tolerance: duration,
  sourceTolerance: duration,
  traces: positiveInteger,
  onInconsistency: shaped('a function', (raw): raw is (found: Inconsistency) => void => typeof raw === 'function'),
  runtime: shaped('an object', (raw): raw is Partial<Runtime> => typeof raw === 'object' && raw !== null),
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function readAuditorOptions(options: AuditorOptions): ResolvedAuditorOptions {
  const read = readOptions(options, 'auditor', table)
  if (read.namespaces === undefined) throw optionError('auditor.namespaces', undefined, 'the namespaces to audit')
  return {
    namespaces: read.namespaces,
    memory: read.memory ?? 'memory',
    shared: read.shared ?? 'redis',
    sample: read.sample ?? 100,
    everyMs: read.every ?? 60_000,
    toleranceMs: read.tolerance ?? 6000,
    sourceToleranceMs: read.sourceTolerance ?? 60_000,
    traces: read.traces ?? 100,
    onInconsistency: read.onInconsistency ?? ((): void => {}),
  }
}
