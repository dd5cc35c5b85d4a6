export { type AlertRule, type AlertRuleOptions, type AlertSeverity, type AlertThresholds } from './alert-rule.ts'
export {
  alertsFromConfig,
  type ConfiguredAlerts,
  type MonitoringSettings,
  type MonitoringThreshold,
} from './alerts-from-config.ts'
export { type Expression, type Scope, type Series } from './expression.ts'
export { type History } from './history.ts'
export { prometheusRules, type PrometheusRule, type PrometheusRuleFile } from './prometheus-rules.ts'
export { alertRules } from './rules.ts'
export { type LabelledValue, type Vector } from './vector.ts'
export { watchAlerts, type Alert, type AlertWatcher, type WatchAlertsOptions } from './watch-alerts.ts'
