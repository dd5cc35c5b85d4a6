/**
 * The logical clock of tag invalidations: one integer, raised by each invalidation. Wall time plays no part.
 *
 * An entry that recorded clock value `c` before it was loaded is valid while every tag of it was last invalidated at
 * or before `c`.
 */
export interface TagClock {
  /** The number of the latest tag invalidation known here. */
  readonly now: number
  isCurrent(tags: readonly string[], recorded: number): boolean
}

/** Where tag marks outlive the process: offered by tiers whose `capabilities.tags` is true. */
export interface TagStore {
  /** The whole table: tag to the clock value of its latest invalidation. */
  load(): Promise<{ readonly clock: number; readonly marks: ReadonlyMap<string, number> }>
  /** Raises the clock by one (never to less than `atLeast`), marks the tags with it, atomically; resolves when it would survive a crash of the process. */
  invalidate(tags: readonly string[], atLeast: number): Promise<number>
}
