/** An alert that is firing; what is absent is not shown. */
export interface FiringAlert {
  readonly name: string
  readonly severity?: string
  /** What is wrong, for people. */
  readonly summary?: string
  /** Epoch milliseconds. */
  readonly since?: number
  readonly labels?: Readonly<Record<string, string>>
}

/** Anything that can tell which alerts are firing. */
export interface AlertSource {
  firing(): readonly FiringAlert[]
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
