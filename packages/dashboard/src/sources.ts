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

/** Anything that reports as the auditor of `tierwise/auditor` does. */
export interface ConsistencySource {
  report(): {
    readonly checked: number
    readonly unknown: number
    readonly suspected: number
    readonly inconsistent: number
    readonly consistency: number | undefined
    readonly nines: number | undefined
    readonly inconsistencies: readonly { readonly kind: string; readonly namespace: string; readonly key: string }[]
  }
}
