import {
  boolean,
  duration,
  oneOf,
  optionError,
  orOff,
  positiveInteger,
  readOptions,
  shaped,
  size,
  text,
  texts,
} from '../base/option-reader.ts'
import type { OptionReader, OptionTable } from '../base/option-reader.ts'
import type {
  AdaptiveTtlOptions,
  CoherenceOptions,
  DataClassOptions,
  GovernanceOptions,
  KeyRule,
  NamespaceOptions,
} from '../contract/options.ts'
import type { StandardSchema } from '../contract/schema.ts'
import { rulesTable } from '../governance/rule-set.ts'
import { isNamePart } from '../base/key.ts'
import { lifeTable } from './policy.ts'
import type { Resolved } from './policy.ts'
import { rawOptions } from './raw/raw-policy.ts'

/** Below two rounds of the bus a proof would run out before the next one is there. */
const leastStalenessMs = 2000

const staleness: OptionReader<number> = (raw, path) => {
  const ms = duration(raw, path)
  if (ms < leastStalenessMs) throw optionError(path, raw, 'a duration of at least 2 seconds')
  return ms
}

const coherenceTable = {
  coherence: oneOf('off', 'eventual', 'bounded'),
  maxStaleness: staleness,
  lease: duration,
  mutateTimeout: duration,
  sourceLag: orOff(duration, 0),
} satisfies OptionTable<Record<keyof CoherenceOptions, unknown>>

const mode = oneOf('off', 'warn', 'enforce')

const dataClassTable = {
  ...rulesTable,
  ttl: lifeTable.ttl,
  grace: lifeTable.grace,
  jitter: lifeTable.jitter,
} satisfies OptionTable<Record<keyof DataClassOptions, unknown>>

const keyRuleTable = { ...dataClassTable, match: text, dataClass: text } satisfies OptionTable<
  Record<keyof KeyRule, unknown>
>

const keyRules: OptionReader<readonly Resolved[]> = (raw, path) => {
  if (!Array.isArray(raw)) throw optionError(path, raw, 'a list of key rules')
  return raw.map((rule, at) => {
    const read: Resolved = readOptions(rule, `${path}[${at}]`, keyRuleTable)
    if (read['match'] === undefined) throw optionError(`${path}[${at}].match`, undefined, "a pattern like 'factor:*'")
    return read
  })
}

const adaptiveTable = { min: duration, max: duration } satisfies OptionTable<Record<keyof AdaptiveTtlOptions, unknown>>

const adaptiveTtl: OptionReader<{ readonly minMs: number; readonly maxMs: number } | undefined> = (raw, path) => {
  if (raw === false) return undefined
  const { min, max } = readOptions(raw, path, adaptiveTable)
  if (min === undefined || max === undefined || min > max)
    throw optionError(path, raw, "false, or two durations: { min: '1m', max: '1h' }, the shorter one first")
  return { minMs: min, maxMs: max }
}

const tierTtl: OptionReader<ReadonlyMap<string, number>> = (raw, path) => {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw optionError(path, raw, "an object: durations by the names of tiers, like { memory: '1m' }")
  return new Map(Object.entries(raw).map(([tier, stay]) => [tier, duration(stay, `${path}.${tier}`)]))
}

const isSchema = (raw: unknown): raw is StandardSchema =>
  (typeof raw === 'object' || typeof raw === 'function') && raw !== null && '~standard' in raw

const version: OptionReader<string> = (raw, path) => {
  const read = typeof raw === 'string' || Number.isFinite(raw) ? String(raw) : ''
  if (!isNamePart(read)) throw optionError(path, raw, 'a number or a text of letters, digits, `_`, `-` and `.`')
  return read
}

const namespaceTable = {
  ...lifeTable,
  ...coherenceTable,
  ...rulesTable,
  dataClass: text,
  keyRules,
  governance: mode,
  tenant: oneOf('none', 'required'),
  failure: oneOf('open', 'closed'),
  adaptiveTtl,
  tierTtl,
  aliases: texts,
  version,
  schema: shaped('a Standard Schema (zod, valibot, arktype)', isSchema),
  isolation: oneOf('share', 'freeze', 'clone'),
  demotion: boolean,
  maxBytes: size,
  maxEntries: positiveInteger,
  reservedBytes: size,
  tags: texts,
  raw: rawOptions,
} satisfies OptionTable<Record<keyof NamespaceOptions, unknown>>

const defaultsTable = { ...lifeTable, ...coherenceTable, tierTtl, isolation: namespaceTable.isolation }

/** A named set of rules, read. */
export interface GivenGovernance {
  readonly mode: 'off' | 'warn' | 'enforce'
  readonly dataClasses: ReadonlyMap<string, Resolved>
}

const dataClasses: OptionReader<ReadonlyMap<string, Resolved>> = (raw, path) => {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw optionError(path, raw, 'an object: the rules of each class by its name')
  return new Map(
    Object.entries(raw).map(([name, rules]) => [name, readOptions(rules, `${path}.${name}`, dataClassTable)]),
  )
}

const governanceTable = { mode, dataClasses } satisfies OptionTable<Record<keyof GovernanceOptions, unknown>>

export function readDefaults(raw: unknown): Resolved {
  return readOptions(raw, 'defaults', defaultsTable)
}

export function readNamespace(raw: unknown, path: string): Resolved {
  return readOptions(raw, path, namespaceTable)
}

/** Throws a `ConfigError` for the first wrong option. */
export function readGovernance(raw: unknown): GivenGovernance {
  return {
    mode: 'enforce',
    dataClasses: new Map<string, Resolved>(),
    ...readOptions(raw, 'governance', governanceTable),
  }
}
