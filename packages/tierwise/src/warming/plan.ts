import {
  boolean,
  duration,
  lifetime,
  oneOf,
  optionError,
  positiveInteger,
  readOptions,
  shaped,
  text,
  texts,
  type OptionReader,
  type OptionTable,
} from '../base/option-reader.ts'
import { isSource } from './sources.ts'
import type { WarmingPriority, WarmingTask, WarmingTaskReport } from '../contract/warming.ts'

/** A task whose options were found right. */
export interface PlannedTask {
  readonly kind: WarmingTaskReport['kind']
  readonly task: WarmingTask
  readonly priority: WarmingPriority
}

const isFunction = (raw: unknown): raw is (...args: never[]) => unknown => typeof raw === 'function'
const loader = shaped('a function', isFunction)
const source = shaped('a list, something to iterate over, or a function that returns such', isSource)
const common = { namespace: text, tenant: text, priority: oneOf('high', 'medium', 'low') }
const life = { ttl: lifetime, tags: texts }
const loads = { ...life, load: loader, loadMany: loader }

/** By the option that a task of this kind has, and no other. */
const tables = {
  keys: { kind: 'keys', table: { ...common, ...loads, keys: source } },
  pattern: { kind: 'pattern', table: { ...common, pattern: text, limit: positiveInteger, tier: text } },
  entries: { kind: 'entries', table: { ...common, ...life, entries: source, sourceVersion: version() } },
  hotKeys: { kind: 'hot-keys', table: { ...common, ...loads, hotKeys: isTrue() } },
} as const

const marks = Object.keys(tables) as readonly (keyof typeof tables)[]

/** @throws ConfigError ERR_CACHE_OPTION */
export function readPlan(plan: unknown): readonly PlannedTask[] {
  const tasks = Array.isArray(plan) ? (plan as readonly unknown[]) : [plan]
  return tasks.map((task, at) => readTask(task, Array.isArray(plan) ? `plan[${at}]` : 'plan'))
}

function readTask(raw: unknown, path: string): PlannedTask {
  if (typeof raw !== 'object' || raw === null) throw optionError(path, raw, 'a task, or a list of tasks')
  const given = marks.filter((mark) => (raw as Record<string, unknown>)[mark] !== undefined)
  const [mark] = given
  if (mark === undefined || given.length > 1)
    throw optionError(path, raw, `a task with exactly one of ${marks.map((name) => `\`${name}\``).join(', ')}`)
  const { kind, table } = tables[mark]
  const read = readOptions<Record<string, unknown>>(raw, path, table as unknown as OptionTable<Record<string, unknown>>)
  if (read['namespace'] === undefined) throw optionError(`${path}.namespace`, undefined, 'the name of a namespace')
  if (read['load'] !== undefined && read['loadMany'] !== undefined)
    throw optionError(`${path}.loadMany`, read['loadMany'], 'left out where there is `load`')
  return { kind, task: raw as WarmingTask, priority: (read['priority'] ?? 'medium') as WarmingPriority }
}

function isTrue(): OptionReader<boolean> {
  return (raw, path) => {
    if (!boolean(raw, path)) throw optionError(path, raw, 'true, or left out')
    return true
  }
}

function version(): OptionReader<number> {
  return (raw, path) => {
    if (!Number.isSafeInteger(raw) || (raw as number) < 0) throw optionError(path, raw, 'a whole number from 0')
    return raw as number
  }
}

/** Reads a duration that can be switched off. */
export const durationOrNever: OptionReader<number> = (raw, path) => (raw === false ? Infinity : duration(raw, path))
