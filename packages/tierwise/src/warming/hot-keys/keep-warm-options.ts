import {
  boolean,
  duration,
  lifetime,
  numberIn,
  optionError,
  positiveInteger,
  readOptions,
  shaped,
  texts,
  type OptionReader,
} from '../../base/option-reader.ts'
import type { Duration } from '../../contract/options.ts'
import type { WarmingLoads, WarmingOptions } from '../../contract/warming.ts'
import { readWarmingOptions } from '../options.ts'
import { durationOrNever } from '../plan.ts'
import { mostHotKeys } from './records.ts'

/** What is kept warm of a namespace. Without a loader what lower tiers hold is brought up after a start. */
export interface KeptNamespace extends WarmingLoads {
  /**
   * Loads hot keys in the background once less than this share of their ttl is left, 0 to 1 exclusive. Each draws its own
   * instant in the second half of that time. Needs a loader. @default off
   */
  readonly refreshBelow?: number | false
}

/** How hot keys are refreshed before they end. */
export interface RefreshHotKeysOptions {
  /** How often to look which keys are due. @default '1s' */
  readonly every?: Duration
  /** Loads at once. @default 2 */
  readonly concurrency?: number
}

/** What `keepWarm` takes. */
export interface KeepWarmOptions {
  /** The namespaces whose hot keys are noted and warmed; `true` for one without options. Not for those with tenants. */
  readonly namespaces: Readonly<Record<string, KeptNamespace | true>>
  /** How often hot keys are noted, besides the stop of the manager. Up to a quarter earlier or later. @default '5m' */
  readonly saveEvery?: Duration | false
  /** Keys noted of a namespace, at most 64. @default 64 */
  readonly keys?: number
  /**
   * Keys of a namespace that are noted because memory holds them, besides the hot ones. They are brought up from lower
   * tiers, never loaded. 0 for none. @default 10_000
   */
  readonly memoryKeys?: number
  /** After this time noted reads count half. @default '1d' */
  readonly halfLife?: Duration
  /** Warm at once what an earlier process has noted. @default true */
  readonly warmNow?: boolean
  /** How that warming goes about it. @default see WarmingOptions */
  readonly warming?: WarmingOptions
  /** How hot keys are refreshed, in namespaces with `refreshBelow`. @default see RefreshHotKeysOptions */
  readonly refresh?: RefreshHotKeysOptions
}

export interface ResolvedKept extends WarmingLoads {
  readonly name: string
  /** 0 for never. */
  readonly refreshBelow: number
}

export interface ResolvedKeepWarmOptions {
  readonly namespaces: readonly ResolvedKept[]
  /** `Infinity` for never. */
  readonly saveEveryMs: number
  readonly keys: number
  readonly memoryKeys: number
  readonly halfLifeMs: number
  readonly warmNow: boolean
  readonly warming: WarmingOptions
  readonly refreshEveryMs: number
  readonly refreshConcurrency: number
}

const loader = shaped('a function', (raw): raw is (...args: never[]) => unknown => typeof raw === 'function')

const share: OptionReader<number> = (raw, path) =>
  raw === false ? 0 : numberIn({ min: 0, max: 1, open: true })(raw, path)

const keptTable = { load: loader, loadMany: loader, ttl: lifetime, tags: texts, refreshBelow: share }

const namespaces: OptionReader<readonly ResolvedKept[]> = (raw, path) => {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw optionError(path, raw, 'an object of namespaces, each with options or `true`')
  return Object.entries(raw).map(([name, own]) => readKept(name, own, `${path}.${name}`))
}

function readKept(name: string, own: unknown, path: string): ResolvedKept {
  const read = readOptions(own === true ? {} : own, path, keptTable)
  if (read.load !== undefined && read.loadMany !== undefined)
    throw optionError(`${path}.loadMany`, read.loadMany, 'left out where there is `load`')
  const { refreshBelow = 0 } = read
  if (refreshBelow > 0 && read.load === undefined && read.loadMany === undefined)
    throw optionError(`${path}.refreshBelow`, refreshBelow, 'left out where there is no loader')
  const { refreshBelow: _below, ...loads } = own === true ? {} : (own as KeptNamespace)
  return { name, refreshBelow, ...loads }
}

const keys: OptionReader<number> = (raw, path) => {
  if (positiveInteger(raw, path) > mostHotKeys) throw optionError(path, raw, `a whole number from 1 to ${mostHotKeys}`)
  return raw as number
}

const refreshTable = { every: duration, concurrency: positiveInteger }

const table = {
  namespaces,
  saveEvery: durationOrNever,
  keys,
  memoryKeys: numberIn({ min: 0, max: 1_000_000 }),
  halfLife: duration,
  warmNow: boolean,
  warming: (raw: unknown, path: string): WarmingOptions => {
    readWarmingOptions(raw as WarmingOptions, path)
    return raw as WarmingOptions
  },
  refresh: (raw: unknown, path: string) => readOptions<{ every: number; concurrency: number }>(raw, path, refreshTable),
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function readKeepWarmOptions(options: KeepWarmOptions): ResolvedKeepWarmOptions {
  const read = readOptions(options, 'options', table)
  if (read.namespaces === undefined) throw optionError('options.namespaces', undefined, 'the namespaces to keep warm')
  return {
    namespaces: read.namespaces,
    saveEveryMs: read.saveEvery ?? 300_000,
    keys: read.keys ?? mostHotKeys,
    memoryKeys: read.memoryKeys ?? 10_000,
    halfLifeMs: read.halfLife ?? 86_400_000,
    warmNow: read.warmNow ?? true,
    warming: { name: 'hot-keys', ...read.warming },
    refreshEveryMs: read.refresh?.every ?? 1000,
    refreshConcurrency: read.refresh?.concurrency ?? 2,
  }
}
