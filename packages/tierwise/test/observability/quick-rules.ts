import { alertRules, prometheusRules } from '../../src/observability/alerts/index.ts'
import type { AlertRuleOptions } from '../../src/observability/alerts/index.ts'

/**
 * The published alert rules with times for a test: rates of some seconds, and every condition has to hold for `hold`
 * milliseconds. A rule file as text, for `startPrometheus({ rules })`.
 */
export function quickRules({
  windowMs = 5000,
  holdMs = 2000,
  thresholds = {},
}: {
  readonly windowMs?: number
  readonly holdMs?: number
  readonly thresholds?: AlertRuleOptions['thresholds']
} = {}): string {
  const holds = alertRules().map(({ name, forMs }) => [name, forMs === 0 ? 0 : holdMs] as const)
  const rules = alertRules({ window: windowMs, thresholds: thresholds ?? {}, for: Object.fromEntries(holds) })
  return JSON.stringify(prometheusRules(rules))
}
