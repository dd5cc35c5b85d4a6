/**
 * Gives versions: the process itself when the chain has no shared tier that does. Versions of one authority strictly
 * increase.
 */
export interface Authority {
  nextVersion(): number
  /** Now, on the scale of the versions. */
  instant(): number
  /** Makes the next version larger than `version`. */
  observe(version: number): void
}
