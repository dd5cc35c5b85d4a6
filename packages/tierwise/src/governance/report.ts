import type { GovernanceReport, GovernanceRule, NamespaceGovernance, ViolationCounts } from '../contract/governance.ts'
import type { Governor } from './governor.ts'
import type { RuleSet } from './rule-set.ts'

/** A namespace as the report sees it. */
export interface Governed {
  readonly name: string
  readonly governor: Governor
  readonly rules: RuleSet
  /** `Infinity` for endless. */
  readonly ttlMs: number
  readonly quota: NamespaceGovernance['quota']
}

const mostOffenders = 20

/** What the governors of all namespaces have counted. */
export function governanceReport(at: number, governed: readonly Governed[]): GovernanceReport {
  const sum = (count: (governor: Governor) => number): number =>
    governed.reduce((total, { governor }) => total + count(governor), 0)
  return {
    at,
    operations: sum(({ operations }) => operations),
    violations: addUp(governed.map(({ governor }) => governor.violations)),
    ttlOverrides: sum(({ ttlOverrides }) => ttlOverrides),
    immortalEntries: sum(({ immortalEntries }) => immortalEntries),
    namespaces: Object.fromEntries(governed.map((each) => [each.name, ofNamespace(each)])),
    worstOffenders: governed
      .flatMap(({ governor }) => governor.offenders)
      .toSorted((a, b) => b.count - a.count)
      .slice(0, mostOffenders),
  }
}

function ofNamespace({ governor, rules, ttlMs, quota }: Governed): NamespaceGovernance {
  const { mode, operations, violations, outcomes, ttlOverrides, immortalEntries } = governor
  return {
    mode,
    dataClass: rules.dataClass,
    license: rules.license,
    ttlMs: ttlMs === Infinity ? undefined : ttlMs,
    maxTtlMs: rules.maxTtlMs === Infinity ? undefined : rules.maxTtlMs,
    operations,
    violations,
    outcomes,
    ttlOverrides,
    immortalEntries,
    quota,
  }
}

function addUp(all: readonly ViolationCounts[]): ViolationCounts {
  const total: Partial<Record<GovernanceRule, number>> = {}
  for (const counts of all)
    for (const [rule, count] of Object.entries(counts) as readonly (readonly [GovernanceRule, number])[])
      total[rule] = (total[rule] ?? 0) + count
  return total
}
