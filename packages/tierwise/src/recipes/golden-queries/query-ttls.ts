import { ConfigError, parseDuration } from '../../index.ts'
import type { Duration } from '../../index.ts'

/** What queries ask for. */
export type QueryType =
  | 'curve_data'
  | 'curve_diff'
  | 'curve_strips'
  | 'metadata_dimensions'
  | 'scenario_outputs'
  | 'scenario_metrics'
  | 'aggregation'
  | 'custom'

/** How often data changes. */
export type QueryFrequency = 'high' | 'medium' | 'low' | 'static'

/** What the result of a query covers. */
export type QuerySpan = 'point' | 'range' | 'aggregation'

/** How long results are fresh where neither an override, nor the call, nor the pattern says. */
export interface QueryTtls {
  /** @default 60 s, 300 s, 3600 s and 7200 s */
  readonly frequencies?: Partial<Readonly<Record<QueryFrequency, Duration>>>
  /** @default `medium`, `static` for metadata, `low` for custom; aggregations as `curve_data` */
  readonly types?: Partial<Readonly<Record<QueryType, Duration>>>
  /** Of queries that no pattern fits. @default that of `medium` */
  readonly unmatched?: Duration
}

/** What has a say in the ttl of a result, the first before the second and so on. */
export interface TtlSayings {
  readonly override: Duration | undefined
  readonly call: Duration | undefined
  readonly pattern: Duration | undefined
  readonly frequency: QueryFrequency | undefined
  /** Undefined where no pattern fits. */
  readonly type: QueryType | undefined
  readonly span: QuerySpan | undefined
}

const frequencyMs: Readonly<Record<QueryFrequency, number>> = {
  high: 60_000,
  medium: 300_000,
  low: 3_600_000,
  static: 7_200_000,
}
const frequencyOfType: Readonly<Record<QueryType, QueryFrequency>> = {
  curve_data: 'medium',
  curve_diff: 'medium',
  curve_strips: 'medium',
  metadata_dimensions: 'static',
  scenario_outputs: 'medium',
  scenario_metrics: 'medium',
  aggregation: 'medium',
  custom: 'low',
}
/** What covers more changes sooner. */
const shareOfSpan: Readonly<Record<QuerySpan, number>> = { point: 1, range: 0.75, aggregation: 0.5 }
/** No result is fresh for less: a query that must be is not one to cache. */
const leastMs = 60_000

/** The classes of ttls, resolved. */
export class TtlTable {
  readonly #frequencies: Readonly<Record<QueryFrequency, number>>
  readonly #types: ReadonlyMap<QueryType, number>
  readonly #unmatched: number

  /** @throws ConfigError ERR_CACHE_OPTION */
  constructor({ frequencies = {}, types = {}, unmatched }: QueryTtls = {}) {
    const given = entriesOf(frequencies, Object.keys(frequencyMs), 'ttls.frequencies')
    this.#frequencies = { ...frequencyMs, ...Object.fromEntries(given) }
    this.#types = new Map(entriesOf(types, Object.keys(frequencyOfType), 'ttls.types') as [QueryType, number][])
    this.#unmatched = unmatched === undefined ? this.#frequencies.medium : durationMs(unmatched, 'ttls.unmatched')
  }

  /** Milliseconds. What is said in so many words is taken so; a class is shortened by what the result covers. @throws ConfigError ERR_CACHE_OPTION */
  ttlOf({ override, call, pattern, frequency, type, span }: TtlSayings): number {
    const said = override ?? call ?? pattern
    if (said !== undefined) return Math.max(leastMs, durationMs(said, 'ttl'))
    const share = shareOfSpan[span ?? (type === 'aggregation' ? 'aggregation' : 'point')]
    const classMs = frequency === undefined ? this.#ofType(type) : this.#frequencies[frequency]
    return Math.max(leastMs, Math.round(classMs * share))
  }

  #ofType(type: QueryType | undefined): number {
    if (type === undefined) return this.#unmatched
    const own = this.#types.get(type)
    if (own !== undefined) return own
    return type === 'aggregation' ? this.#ofType('curve_data') : this.#frequencies[frequencyOfType[type]]
  }
}

/** Variables of the founding platform, in seconds. */
const variables = {
  frequencies: {
    high: 'AURUM_API_CACHE_TTL_HIGH_FREQUENCY',
    medium: 'AURUM_API_CACHE_TTL_MEDIUM_FREQUENCY',
    low: 'AURUM_API_CACHE_TTL_LOW_FREQUENCY',
    static: 'AURUM_API_CACHE_TTL_STATIC',
  },
  types: {
    curve_data: 'AURUM_API_CACHE_TTL_CURVE_DATA',
    curve_diff: 'AURUM_API_CURVE_DIFF_TTL',
    curve_strips: 'AURUM_API_CURVE_STRIP_TTL',
    metadata_dimensions: 'AURUM_API_CACHE_TTL_METADATA',
    scenario_outputs: 'AURUM_API_CACHE_TTL_SCENARIO_DATA',
    scenario_metrics: 'AURUM_API_CACHE_TTL_SCENARIO_DATA',
  },
} as const

/**
 * The ttls that the founding platform takes from its environment, for `goldenQueries({ ttls })`.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a variable that is no number of seconds
 */
export function queryTtlsFromEnvironment(env: Readonly<Record<string, string | undefined>>): QueryTtls {
  return { frequencies: readAll(env, variables.frequencies), types: readAll(env, variables.types) }
}

function readAll(
  env: Readonly<Record<string, string | undefined>>,
  names: Readonly<Record<string, string>>,
): Record<string, number> {
  const found: Record<string, number> = {}
  for (const [name, variable] of Object.entries(names)) {
    const raw = env[variable]
    if (raw === undefined || raw === '') continue
    const seconds = /^\d+$/.test(raw) ? Number(raw) : 0
    if (!Number.isSafeInteger(seconds) || seconds === 0)
      throw new ConfigError(`The environment variable ${variable} must be a positive whole number of seconds.`, {
        code: 'ERR_CACHE_OPTION',
      })
    found[name] = seconds * 1000
  }
  return found
}

function entriesOf(raw: object, known: readonly string[], path: string): [string, number][] {
  const entries = Object.entries(raw).filter(([, value]) => value !== undefined)
  return entries.map(([name, value]) => {
    if (!known.includes(name))
      throw new ConfigError(`\`${path}.${name}\` is not an option. Known: ${known.join(', ')}.`, {
        code: 'ERR_CACHE_OPTION',
      })
    return [name, durationMs(value as Duration, `${path}.${name}`)]
  })
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function durationMs(raw: Duration, path: string): number {
  const ms = parseDuration(raw)
  if (ms !== undefined) return ms
  throw new ConfigError(`\`${path}\` must be a positive number of milliseconds or a text like '30s', '5m', '2h'.`, {
    code: 'ERR_CACHE_OPTION',
  })
}
