/** `failure`: it does not work, or not safely. `warning`: it will hurt. `advice`: it could be better. */
export type Severity = 'ok' | 'advice' | 'warning' | 'failure'

/** From the best to the worst. */
export const severities: readonly Severity[] = ['ok', 'advice', 'warning', 'failure']

export interface Finding {
  readonly severity: Severity
  /** Stays the same over releases, for scripts. */
  readonly code: string
  /** `host:port`, where a tier has several servers. */
  readonly server?: string
  /** What was found, a sentence without its point. */
  readonly message: string
  /** What to do about it. */
  readonly advice?: string
}

/** A fact that a server tells, as a person reads it. */
export type Facts = Readonly<Record<string, string | number | boolean>>

/** What was found out about one tier. */
export interface TierExamination {
  readonly tier: string
  readonly type: string
  /** Where it is, without credentials. */
  readonly place: string
  /** Undefined where there is nothing to reach, as in memory. */
  readonly reachable: boolean | undefined
  readonly facts: Facts
  /** Of each server, by address. */
  readonly servers: Readonly<Record<string, Facts>>
  readonly findings: readonly Finding[]
}

export function worst(findings: readonly Finding[]): Severity {
  const ranks = findings.map(({ severity }) => severities.indexOf(severity))
  return severities[Math.max(0, ...ranks)] ?? 'ok'
}

/** The worst first; findings of the same severity keep their order. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => severities.indexOf(b.severity) - severities.indexOf(a.severity))
}
