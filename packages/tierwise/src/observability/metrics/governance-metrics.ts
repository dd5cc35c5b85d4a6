import type { NamespaceGovernance } from '../../contract/governance.ts'
import type { AuditReport } from '../auditor/report.ts'
import type { MetricLabel, MetricSample, ReadMetric } from './metric.ts'
import { perNamespace } from './namespace-metrics.ts'
import { known } from './tier-metrics.ts'

/** What was governed, and what an auditor found. */
export const governanceMetrics: readonly ReadMetric[] = [
  ofNamespace('governed_operations_total', 'Writes, loads and renewals that rules were looked at for.', {
    read: ({ operations }) => known(operations),
  }),
  ofNamespace('policy_violations_total', 'How often a rule was broken.', {
    labels: ['rule'],
    read: ({ violations }) => Object.entries(violations).map(([rule, value]) => ({ labels: { rule }, value })),
  }),
  ofNamespace('policy_outcomes_total', 'What was done about broken rules.', {
    labels: ['outcome'],
    read: ({ outcomes }) => Object.entries(outcomes).map(([outcome, value]) => ({ labels: { outcome }, value })),
  }),
  ofNamespace('ttl_overrides_total', 'Calls that asked for a ttl of their own.', {
    read: ({ ttlOverrides }) => known(ttlOverrides),
  }),
  ofNamespace('immortal_entries_total', 'Entries that were made without an end.', {
    read: ({ immortalEntries }) => known(immortalEntries),
  }),
  ofNamespace('namespace_entries', 'Entries of the namespace in memory.', {
    type: 'gauge',
    read: ({ quota }) => known(quota?.entries),
  }),
  ofNamespace('namespace_max_entries', 'Entries that the namespace may have in memory; absent without a quota.', {
    type: 'gauge',
    read: ({ quota }) => known(quota?.maxEntries),
  }),
  ofNamespace('namespace_bytes', 'Bytes that the namespace takes in memory.', {
    type: 'gauge',
    unit: 'bytes',
    read: ({ quota }) => known(quota?.bytes),
  }),
  ofNamespace('namespace_max_bytes', 'Bytes that the namespace may take in memory; absent without a quota.', {
    type: 'gauge',
    unit: 'bytes',
    read: ({ quota }) => known(quota?.maxBytes),
  }),
  ofAuditor('audit_checked_total', 'counter', 'Comparisons of an auditor that came to a result.', 'checked'),
  ofAuditor('audit_unknown_total', 'counter', 'Comparisons of an auditor without a result.', 'unknown'),
  ofAuditor('audit_inconsistent_total', 'counter', 'Keys that an auditor found to be wrong.', 'inconsistent'),
  ofAuditor('audit_suspected', 'gauge', 'Keys that differ and that an auditor looks at again.', 'suspected'),
]

interface Reading {
  readonly type?: 'counter' | 'gauge'
  readonly unit?: 'bytes'
  readonly labels?: readonly MetricLabel[]
  readonly read: (governance: NamespaceGovernance) => readonly MetricSample[]
}

function ofNamespace(name: string, help: string, { type = 'counter', unit, labels = [], read }: Reading): ReadMetric {
  return {
    name,
    type,
    unit,
    labels: ['namespace', ...labels],
    help,
    read: ({ governance }) => perNamespace(governance.namespaces, read),
  }
}

// oxlint-disable-next-line max-params -- a row of a table
function ofAuditor(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  field: 'checked' | 'unknown' | 'inconsistent' | 'suspected',
): ReadMetric {
  const value = (audit: AuditReport | undefined): number | undefined => audit?.[field]
  return { name, type, unit: undefined, labels: [], help, read: ({ audit }) => known(value(audit)) }
}
