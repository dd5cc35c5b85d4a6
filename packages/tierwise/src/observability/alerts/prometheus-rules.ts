import { defaultPrefix } from '../metrics/list.ts'
import type { AlertRule } from './alert-rule.ts'
import { durationText, type Expression } from './expression.ts'
import { getRate, shareOfGets, shareOfHits, tierRatio } from './hit-rates.ts'

/** A rule as Prometheus reads it. */
export type PrometheusRule =
  | { readonly record: string; readonly expr: string }
  | {
      readonly alert: string
      readonly expr: string
      readonly for?: string
      readonly labels: Readonly<Record<string, string>>
      readonly annotations: Readonly<Record<string, string>>
    }

/** A rule file of Prometheus; as JSON it can be read as it is, for that is YAML too. */
export interface PrometheusRuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly PrometheusRule[] }[]
}

const windowMs = 5 * 60_000

/**
 * The rules for Prometheus, and rules that record the hit rates over five minutes.
 *
 * @example
 * const file = prometheusRules(alertRules({ thresholds: { hitRate: 0.8 } }))
 * await writeFile('tierwise-alerts.yml', JSON.stringify(file))
 */
export function prometheusRules(
  rules: readonly AlertRule[],
  { prefix = defaultPrefix }: { readonly prefix?: string } = {},
): PrometheusRuleFile {
  const group = prefix.replace(/_$/, '')
  const record = (name: string, expression: Expression): PrometheusRule => ({
    record: `${group}:${name}:rate5m`,
    expr: expression.promql(prefix),
  })
  const hitRates = [
    record('hit_rate', getRate('hit|stale', windowMs)),
    record('hit_share_of_gets', shareOfGets(windowMs)),
    record('hit_share_of_hits', shareOfHits(windowMs)),
    record('tier_hit_ratio', tierRatio(windowMs)),
  ]
  return {
    groups: [
      { name: `${group}-hit-rates`, rules: hitRates },
      { name: `${group}-alerts`, rules: rules.map((rule) => alertOf(rule, prefix)) },
    ],
  }
}

function alertOf({ name, severity, summary, forMs, condition, runbook }: AlertRule, prefix: string): PrometheusRule {
  const about = condition.by.map((label) => `${label} {{ $labels.${label} }}`)
  return {
    alert: name,
    expr: condition.promql(prefix),
    ...(forMs === 0 ? {} : { for: durationText(forMs) }),
    labels: { severity },
    annotations: {
      summary: about.length === 0 ? `${summary}.` : `${summary}: ${about.join(', ')}.`,
      description: 'It is {{ printf "%.4g" $value }} at job {{ $labels.job }}.',
      runbook,
    },
  }
}
