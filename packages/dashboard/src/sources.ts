import type { AuditReport, Inconsistency } from 'tierwise/auditor'

/** An alert, as the watcher of `tierwise/alerts` tells it. What is absent is not shown. */
export interface ShownAlert {
  readonly rule: {
    readonly name: string
    readonly severity?: string
    /** What is wrong, for people. */
    readonly summary?: string
  }
  /** Only those that are pending or firing are shown. */
  readonly state: string
  readonly labels?: Readonly<Record<string, string>>
  /** Epoch milliseconds. */
  readonly since?: number
}

/** Anything with a list of alerts, such as what `watchAlerts` of `tierwise/alerts` returns. */
export interface AlertSource {
  readonly alerts: readonly ShownAlert[]
}

/** Reports as the auditor of `tierwise/auditor` does; how often it looked at a key is not shown. */
export interface ConsistencySource {
  report(): Omit<AuditReport, 'inconsistencies'> & {
    readonly inconsistencies: readonly Pick<Inconsistency, 'kind' | 'namespace' | 'key'>[]
  }
}
