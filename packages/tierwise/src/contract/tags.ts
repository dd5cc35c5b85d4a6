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

/** What a tag store knows. */
export interface TagMarks {
  readonly clock: number
  /** Tag to the clock value of its latest invalidation. */
  readonly marks: ReadonlyMap<string, number>
  /**
   * The clock value at which the store began or lost its memory: what was invalidated before is not known, so entries
   * that recorded less are not trusted.
   * @default 0
   */
  readonly floor?: number
}

/** Where tag marks outlive the process: offered by tiers whose `capabilities.tags` is true. */
export interface TagStore {
  /** The marks later than `after`; all of them when it is left out. */
  load(after?: number): Promise<TagMarks>
  /**
   * Raises the clock by one (never to less than `atLeast`), marks the tags with it, atomically; resolves when it would
   * survive a crash of the process. Without a tag it only raises the clock.
   */
  invalidate(tags: readonly string[], atLeast: number): Promise<number>
}
