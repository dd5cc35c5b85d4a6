import type { GovernanceMode } from './options.ts'

/**
 * The rules that can be broken. `license`: a ttl longer than the licence allows. `ttl-too-long`, `ttl-too-short`: outside of
 * `maxTtl` and `minTtl`. `key-format`, `key-too-long`: the key itself. `tenant-missing`: a call without one where it is
 * required. `tags-missing`: not all of `requiredTags`. `value-too-large`: over `maxValueBytes`. `tier-not-allowed`: a call
 * named a tier that the rules leave out.
 */
export type GovernanceRule =
  | 'license'
  | 'ttl-too-long'
  | 'ttl-too-short'
  | 'key-format'
  | 'key-too-long'
  | 'tenant-missing'
  | 'tags-missing'
  | 'value-too-large'
  | 'tier-not-allowed'

/** What was done about a broken rule: nothing but telling, the ttl was moved, the value was not stored, the call failed. */
export type ViolationOutcome = 'counted' | 'clamped' | 'not-stored' | 'refused'

/** How often each rule was broken; rules that were not are absent. */
export type ViolationCounts = Readonly<Partial<Record<GovernanceRule, number>>>

/** Keys of one family that broke a rule; families as in `analytics`. */
export interface Offender {
  readonly namespace: string
  readonly rule: GovernanceRule
  readonly family: string
  /** How often; at most `error` too many, where there were more families than are kept. */
  readonly count: number
  readonly error: number
}

/** What was seen of one namespace since the manager was created. */
export interface NamespaceGovernance {
  readonly mode: GovernanceMode
  readonly dataClass: string | undefined
  readonly license: string | undefined
  /** What its entries get where nobody says otherwise, in milliseconds; undefined for endless. */
  readonly ttlMs: number | undefined
  /** Milliseconds; undefined for no cap. */
  readonly maxTtlMs: number | undefined
  /** Writes, loads and renewals: what the rules were looked at for. */
  readonly operations: number
  readonly violations: ViolationCounts
  /** What was done about them. */
  readonly outcomes: Readonly<Record<ViolationOutcome, number>>
  /** Calls that asked for a ttl of their own. */
  readonly ttlOverrides: number
  /** Entries made without an end. */
  readonly immortalEntries: number
  /** What it holds in memory, and its quota there; undefined without memory. */
  readonly quota:
    | {
        readonly entries: number
        readonly maxEntries: number | undefined
        readonly bytes: number
        readonly maxBytes: number | undefined
      }
    | undefined
}

/** What was governed, and what broke the rules, since the manager was created. */
export interface GovernanceReport {
  /** Epoch milliseconds at which it was made. */
  readonly at: number
  readonly operations: number
  readonly violations: ViolationCounts
  readonly ttlOverrides: number
  readonly immortalEntries: number
  /** By name. */
  readonly namespaces: Readonly<Record<string, NamespaceGovernance>>
  /** Most frequent first, at most 20. */
  readonly worstOffenders: readonly Offender[]
}
