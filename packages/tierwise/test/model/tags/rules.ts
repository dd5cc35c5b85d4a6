export interface TagRules {
  /** When a load notes the tag clock. */
  readonly notesClock: 'before the loader' | 'after the loader'
  readonly detectsGaps: boolean
  readonly pollsSequence: boolean
  readonly writerAppliesFirst: boolean
  /** Whether a value is checked again when it reaches a caller who came later than its load. */
  readonly landingChecksTags: boolean
  readonly hitChecksTags: boolean
  readonly tableTellsBirth: boolean
  /** Whether the tag clock follows the time of the host, so that a number is never given twice. */
  readonly clockFollowsTime: boolean
}

export const fullTagRules: TagRules = {
  notesClock: 'before the loader',
  detectsGaps: true,
  pollsSequence: true,
  writerAppliesFirst: true,
  landingChecksTags: true,
  hitChecksTags: true,
  tableTellsBirth: true,
  clockFollowsTime: true,
}

export interface TagRole {
  readonly does: 'read' | 'invalidate'
  readonly instance: number
  readonly tag: number
}

export interface TagCast {
  readonly roles: readonly TagRole[]
  readonly losses?: number
  readonly lostTables?: number
  readonly failovers?: number
}
