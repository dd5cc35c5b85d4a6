import type { Duration } from '../../contract/options.ts'
import { ConfigError } from '../../errors.ts'
import type { AlertRule, AlertSeverity } from './alert-rule.ts'
import { above, below, both, either, gauge, perSecond, quantile, ratio, type Expression } from './expression.ts'
import { getRate, tierRatio } from './hit-rates.ts'

/** When somebody should be told, as a configuration file says it. */
export interface MonitoringThreshold {
  readonly metric: 'hitRate' | 'latencyMs' | 'memoryPercent' | 'errorRate'
  readonly tier?: string
  readonly below?: number
  readonly above?: number
  readonly severity?: AlertSeverity
}

/** The section `monitoring` of a configuration file. */
export interface MonitoringSettings {
  readonly interval?: Duration
  readonly thresholds?: readonly MonitoringThreshold[]
}

/** What `watchAlerts` takes of it. */
export interface ConfiguredAlerts {
  readonly rules: readonly AlertRule[]
  readonly interval: Duration
}

const windowMs = 5 * 60_000

/** Below so many reads or operations a second a share says little. */
const leastPerSecond = 0.1

/**
 * The rules that the section `monitoring` of a configuration file asks for. They tell at once what the last five minutes
 * show.
 *
 * @throws ConfigError ERR_CACHE_CONFIG for a threshold with neither `below` nor `above`
 * @example
 * const { rules } = alertsFromConfig({ thresholds: [{ metric: 'hitRate', tier: 'memory', below: 0.7 }] })
 * console.log(rules[0]?.summary) // => hitRate of memory is below 0.7
 */
export function alertsFromConfig(monitoring: MonitoringSettings = {}): ConfiguredAlerts {
  const { thresholds = [], interval = '60s' } = monitoring
  return { interval, rules: thresholds.flatMap((threshold, index) => rulesOf(threshold, index)) }
}

function rulesOf(threshold: MonitoringThreshold, index: number): readonly AlertRule[] {
  const { metric, tier } = threshold
  if (threshold.below === undefined && threshold.above === undefined)
    throw new ConfigError(`\`monitoring.thresholds[${index}]\` has no limit; it needs \`below\` or \`above\`.`, {
      code: 'ERR_CACHE_CONFIG',
    })
  const { value, when } = measured[metric](tier === undefined ? undefined : escaped(tier))
  const scale = scales[metric]
  return (['below', 'above'] as const).flatMap((side): AlertRule[] => {
    const limit = threshold[side]
    if (limit === undefined) return []
    const compared = side === 'below' ? below(value, limit / scale) : above(value, limit / scale)
    return [
      {
        name: `${metric.charAt(0).toUpperCase()}${metric.slice(1)}${side === 'below' ? 'Below' : 'Above'}`,
        severity: threshold.severity ?? 'warning',
        summary: `${metric}${tier === undefined ? '' : ` of ${tier}`} is ${side} ${limit}`,
        forMs: 0,
        condition: when === undefined ? compared : both(compared, above(when, leastPerSecond)),
        runbook: 'docs/guide/alerts.md#thresholds-of-a-configuration-file',
      },
    ]
  })
}

/** What a file says in milliseconds and percent, metrics say in seconds and shares. */
const scales: Readonly<Record<MonitoringThreshold['metric'], number>> = {
  hitRate: 1,
  latencyMs: 1000,
  memoryPercent: 100,
  errorRate: 1,
}

interface Measured {
  readonly value: Expression
  /** How often it happens, where a share of few says little. */
  readonly when?: Expression
}

const measured: Readonly<Record<MonitoringThreshold['metric'], (tier: string | undefined) => Measured>> = {
  hitRate: (tier) =>
    tier === undefined
      ? { value: getRate('hit|stale', windowMs), when: perSecond('gets_total', windowMs, { scope: 'job' }) }
      : {
          value: tierRatio(windowMs, tier),
          when: perSecond('tier_lookups_total', windowMs, { match: { tier }, by: ['tier'], scope: 'job' }),
        },
  latencyMs: (tier) => ({
    value: quantile(0.99, 'tier_operation_duration_seconds', {
      windowMs,
      match: { operation: 'get', ...(tier === undefined ? {} : { tier }) },
      by: tier === undefined ? [] : ['tier'],
    }),
  }),
  memoryPercent: (tier) => {
    const of = { match: tier === undefined ? {} : { tier }, by: ['tier'] } as const
    const own = ratio(gauge('tier_bytes', of), gauge('tier_max_bytes', of))
    // What a Redis may take it may take as a whole, whoever else uses it.
    return { value: either(own, ratio(gauge('tier_store_bytes', of), gauge('tier_store_max_bytes', of))) }
  },
  errorRate: (tier) => {
    const of = { match: tier === undefined ? {} : { tier }, by: tier === undefined ? [] : (['tier'] as const) }
    const sent = perSecond('tier_operations_total', windowMs, of)
    return { value: ratio(perSecond('tier_operation_failures_total', windowMs, of), sent), when: sent }
  },
}

/** The name as a pattern that fits nothing else. */
function escaped(name: string): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
