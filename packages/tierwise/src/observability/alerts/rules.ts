import {
  duration,
  numberIn,
  optionError,
  readOptions,
  unknownName,
  type OptionReader,
} from '../../base/option-reader.ts'
import type { AlertRule, AlertRuleOptions, AlertSeverity, AlertThresholds } from './alert-rule.ts'
import {
  above,
  below,
  both,
  either,
  gauge,
  highest,
  perSecond,
  quantile,
  ratio,
  type Expression,
} from './expression.ts'
import { getRate, shareOfHits, tierRatio, type Window } from './hit-rates.ts'

type Limits = { readonly [K in keyof Required<AlertThresholds>]: number }

const share = numberIn({ min: 0, max: 1 })
const amount = numberIn({ min: 0, max: Infinity })

const thresholdTable: { readonly [K in keyof Limits]: OptionReader<number> } = {
  hitRate: share,
  firstTierHitRatio: share,
  firstTierShareOfHits: share,
  thirdTierShareOfHits: share,
  latency: duration,
  memory: share,
  errorRate: share,
  loadFailures: share,
  staleReads: share,
  busSilence: duration,
  pendingWrites: amount,
  minPerSecond: amount,
}

const defaults: Limits = {
  hitRate: 0.6,
  firstTierHitRatio: 0.7,
  firstTierShareOfHits: 0.6,
  thirdTierShareOfHits: 0.3,
  latency: 10,
  memory: 0.9,
  errorRate: 0.05,
  loadFailures: 0.1,
  staleReads: 0.1,
  busSilence: 30_000,
  pendingWrites: 1000,
  minPerSecond: 1,
}

const seconds = 1000
const minutes = 60 * seconds

/**
 * The rules, with the limits that are given: what Prometheus is told, and what `watchAlerts` looks at.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const rules = alertRules({ thresholds: { hitRate: 0.8 } })
 */
export function alertRules(options: AlertRuleOptions = {}): readonly AlertRule[] {
  const read = readOptions(options, 'alertRules', {
    thresholds: (raw, path) => ({ ...defaults, ...readOptions<Limits>(raw, path, thresholdTable) }),
    window: duration,
    for: readHolds,
  })
  const rules = allRules(read.thresholds ?? defaults, read.window ?? 5 * minutes)
  const holds = read.for ?? {}
  const names = rules.map(({ name }) => name)
  for (const name of Object.keys(holds))
    if (!names.includes(name)) throw unknownName(`alertRules.for.${name}`, name, names)
  return rules.map((rule) => ({ ...rule, forMs: holds[rule.name] ?? rule.forMs }))
}

const readHolds: OptionReader<Readonly<Record<string, number>>> = (raw, path) => {
  if (typeof raw !== 'object' || raw === null) throw optionError(path, raw, 'an object of durations by rule')
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [name, value === 0 ? 0 : duration(value, `${path}.${name}`)]),
  )
}

function allRules(limits: Limits, window: Window): readonly AlertRule[] {
  return [
    ...hitRules(limits, window),
    ...tierRules(limits, window),
    ...coherenceRules(limits, window),
    ...loadRules(limits, window),
    ...policyRules(window),
  ]
}

function hitRules(limits: Limits, window: Window): readonly AlertRule[] {
  const isBusy = above(perSecond('gets_total', window, { scope: 'job' }), limits.minPerSecond)
  const first = below(gauge('tier_position', { by: ['tier'], scope: 'job' }), 2)
  const third = above(gauge('tier_position', { by: ['tier'], scope: 'job' }), 2)
  return [
    rule('HighCacheMissRate', 5 * minutes, {
      summary: 'Too few reads are answered by any tier',
      condition: both(below(getRate('hit|stale', window), limits.hitRate), isBusy),
    }),
    rule('LowFirstTierHitRatio', 5 * minutes, {
      summary: 'The first tier answers too few of the keys it is asked for',
      condition: both(both(below(tierRatio(window), limits.firstTierHitRatio), first), isBusy),
    }),
    rule('LowFirstTierShareOfHits', 10 * minutes, {
      summary: 'The first tier has too few of all hits',
      condition: both(both(below(shareOfHits(window), limits.firstTierShareOfHits), first), isBusy),
    }),
    rule('HighL3CacheUsage', 10 * minutes, {
      summary: 'A slow tier answers much of what faster ones should hold',
      condition: both(both(above(shareOfHits(window), limits.thirdTierShareOfHits), third), isBusy),
    }),
  ]
}

function tierRules(limits: Limits, window: Window): readonly AlertRule[] {
  const operations = { by: ['tier'], match: { operation: 'get|set|delete' } } as const
  const sent = perSecond('tier_operations_total', window, operations)
  const gets = { by: ['tier'], match: { operation: 'get' } } as const
  const isAsked = above(perSecond('tier_operations_total', window, gets), limits.minPerSecond)
  const second = below(gauge('tier_position', { by: ['tier'] }), 3)
  const p99 = quantile(0.99, 'tier_operation_duration_seconds', { ...gets, windowMs: window })
  return [
    rule('CacheTierUnavailable', 2 * minutes, {
      severity: 'critical',
      summary: 'A tier is left alone because it failed',
      // A breaker that tries the tier again and again is half-open at many a look.
      condition: above(highest('tier_breaker_state', Math.min(window, minutes), { by: ['tier', 'kind'] }), 1),
    }),
    rule('CacheNotReady', 1 * minutes, {
      severity: 'critical',
      summary: 'A required tier cannot be used',
      condition: below(gauge('ready'), 1),
    }),
    rule('CacheTierErrors', 5 * minutes, {
      summary: 'Operations of a tier fail',
      condition: both(
        above(ratio(perSecond('tier_operation_failures_total', window, operations), sent), limits.errorRate),
        above(sent, limits.minPerSecond),
      ),
    }),
    rule('SlowCacheTier', 5 * minutes, {
      summary: 'Reads from the first tier behind memory are slow',
      condition: both(both(above(p99, limits.latency / seconds), second), isAsked),
    }),
    rule('CacheTierOverloaded', 5 * minutes, {
      summary: 'Operations are rejected because too many are under way',
      condition: above(
        perSecond('tier_operations_unsent_total', window, { by: ['tier'], match: { reason: 'rejected' } }),
        0,
      ),
    }),
    rule('RedisMemoryHigh', 5 * minutes, {
      severity: 'critical',
      summary: 'The server behind a tier is nearly full',
      condition: above(
        ratio(gauge('tier_store_bytes', { by: ['tier'] }), gauge('tier_store_max_bytes', { by: ['tier'] })),
        limits.memory,
      ),
    }),
    rule('CacheBadRecords', 10 * minutes, {
      summary: 'A tier has records that cannot be used',
      condition: above(perSecond('tier_bad_records_total', window, { by: ['tier'] }), 0),
    }),
    rule('CacheValuesTooLarge', 15 * minutes, {
      summary: 'Values are too large to be held, and loaded each time',
      condition: above(perSecond('tier_evictions_total', window, { by: ['tier'], match: { reason: 'too-large' } }), 0),
    }),
  ]
}

function coherenceRules(limits: Limits, window: Window): readonly AlertRule[] {
  return [
    rule('CacheBusSilent', 1 * minutes, {
      summary: 'It is not known what other instances have changed',
      condition: either(
        below(gauge('bus_confirmed'), 1),
        above(gauge('bus_confirmed_age_seconds'), limits.busSilence / seconds),
      ),
    }),
    rule('CacheIntentsPending', 5 * minutes, {
      summary: 'Invalidations have not reached a tier',
      condition: above(gauge('tier_intents', { by: ['tier'] }), 0),
    }),
    rule('CachePendingWrites', 5 * minutes, {
      summary: 'Acknowledged writes do not reach their tiers',
      condition: above(gauge('pending_writes'), limits.pendingWrites),
    }),
    rule('CoordinationDegraded', 1 * minutes, {
      severity: 'critical',
      summary: 'Limits, locks or claims are not asked of their store',
      condition: above(highest('coordination_breaker_state', Math.min(window, minutes)), 1),
    }),
    rule('CacheInconsistent', 0, {
      severity: 'critical',
      summary: 'An auditor has seen an old value for longer than is tolerated',
      condition: above(perSecond('audit_inconsistent_total', 15 * minutes), 0),
    }),
  ]
}

function loadRules(limits: Limits, window: Window): readonly AlertRule[] {
  const ofNamespace = { by: ['namespace'], scope: 'job' } as const
  const loads = perSecond('loads_total', window, ofNamespace)
  const isBusy = above(perSecond('gets_total', window, { scope: 'job' }), limits.minPerSecond)
  return [
    rule('CacheLoadFailures', 5 * minutes, {
      summary: 'Loaders of a namespace fail',
      condition: both(
        above(ratio(perSecond('load_failures_total', window, ofNamespace), loads), limits.loadFailures),
        above(loads, limits.minPerSecond / 10),
      ),
    }),
    rule('CacheServesStale', 10 * minutes, {
      summary: 'Many reads are answered with stale values: the source is slow or down',
      condition: both(above(getRate('stale', window), limits.staleReads), isBusy),
    }),
  ]
}

function policyRules(window: Window): readonly AlertRule[] {
  return [
    rule('CachePolicyViolations', 15 * minutes, {
      summary: 'Calls break the rules of their namespace',
      condition: above(perSecond('policy_outcomes_total', window, { by: ['namespace'], scope: 'job' }), 0),
    }),
  ]
}

interface RuleDescription {
  readonly severity?: AlertSeverity
  readonly summary: string
  readonly condition: Expression
}

function rule(name: string, forMs: number, { severity = 'warning', summary, condition }: RuleDescription): AlertRule {
  return { name, severity, summary, forMs, condition, runbook: `docs/guide/alerts.md#${name.toLowerCase()}` }
}
