/** What an in-process bus lets its users decide. */
export interface InProcessBusOptions {
  /**
   * How long an instance may serve from memory after it was last confirmed, in milliseconds; the longest of all instances.
   * Barriers wait for it where an instance does not answer.
   * @default 5000
   */
  readonly maxStalenessMs?: number
}

export const defaultMaxStalenessMs = 5000
