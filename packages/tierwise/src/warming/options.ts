import {
  duration,
  numberIn,
  oneOf,
  optionError,
  positiveInteger,
  readOptions,
  shaped,
  text,
  type OptionReader,
} from '../base/option-reader.ts'
import type { WarmingOptions, WarmingProgress } from '../contract/warming.ts'
import { durationOrNever } from './plan.ts'

/** A `WarmingOnce`, each part with a value. */
export interface ResolvedOnce {
  readonly name: string
  readonly others: 'wait' | 'skip'
  readonly forMs: number
  readonly takeoverMs: number
}

/** `WarmingOptions`, each with a value. */
export interface ResolvedWarmingOptions {
  readonly name: string
  readonly strategy: 'priority' | 'parallel' | 'sequential'
  readonly concurrency: number
  readonly batchSize: number
  /** `Infinity` for unlimited. */
  readonly rate: number
  readonly deadlineMs: number
  readonly once: ResolvedOnce | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: WarmingProgress) => void) | undefined
}

const plainName: OptionReader<string> = (raw, path) => {
  if (typeof raw !== 'string' || !/^[\w.-]{1,128}$/.test(raw))
    throw optionError(path, raw, 'a text of letters, digits, `_`, `-` and `.`, at most 128')
  return raw
}

const onceTable = { name: plainName, others: oneOf('wait', 'skip'), for: duration, takeover: duration }

const once: OptionReader<ResolvedOnce> = (raw, path) => {
  const given = typeof raw === 'string' ? { name: plainName(raw, path) } : readOptions(raw, path, onceTable)
  if (given.name === undefined) throw optionError(`${path}.name`, undefined, 'the name of what is done once')
  const { name, others = 'wait', for: forMs = 600_000, takeover: takeoverMs = 10_000 } = given as OnceParts
  return { name, others, forMs, takeoverMs }
}

interface OnceParts {
  readonly name: string
  readonly others?: 'wait' | 'skip'
  readonly for?: number
  readonly takeover?: number
}

const table = {
  name: text,
  strategy: oneOf('priority', 'parallel', 'sequential'),
  concurrency: positiveInteger,
  batchSize: positiveInteger,
  rate: numberIn({ min: 0, max: Infinity, open: true }),
  deadline: durationOrNever,
  once,
  signal: shaped('an AbortSignal', (raw): raw is AbortSignal => raw instanceof AbortSignal),
  onProgress: shaped('a function', (raw): raw is (progress: WarmingProgress) => void => typeof raw === 'function'),
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function readWarmingOptions(options: WarmingOptions | undefined, path = 'options'): ResolvedWarmingOptions {
  const read = readOptions(options, path, table)
  return {
    name: read.name ?? 'warming',
    strategy: read.strategy ?? 'priority',
    concurrency: read.concurrency ?? 4,
    batchSize: read.batchSize ?? 100,
    rate: read.rate ?? Infinity,
    deadlineMs: read.deadline ?? 300_000,
    once: read.once,
    signal: read.signal,
    onProgress: read.onProgress,
  }
}
