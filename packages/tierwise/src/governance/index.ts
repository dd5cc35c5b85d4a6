export type {
  GovernanceReport,
  GovernanceRule,
  NamespaceGovernance,
  Offender,
  ViolationCounts,
  ViolationOutcome,
} from '../contract/governance.ts'
export type { DataClassOptions, GovernanceMode, GovernanceOptions, KeyRule, Rules } from '../contract/options.ts'
export { emissionFactors, marketDataClasses, ttlClasses } from './ready-sets.ts'
export type { MarketDataClass, TtlClass } from './ready-sets.ts'
export { governanceMarkdown } from './report-markdown.ts'
