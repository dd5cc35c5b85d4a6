/** A value is told by its version in the source; `ver` is the version the authority gave it, 0 means there is no copy. */
export interface Copy {
  value: number
  ver: number
  /** 1: expired softly, only good as a fallback. */
  soft: number
}

/** What the authority holds for one key: the entry and the metadata beside it, each of which may be evicted alone. */
export interface StoredKey {
  entry: Copy
  metaVer: number
  /** The reader that may fill, plus one; 0: nobody. */
  lease: number
  /** One bit for each guarded writer that holds fills off. */
  holds: number
  /** The oldest version of the source that may be filled. */
  fence: number
  /** The newest version ever given, which only the checks know. */
  topVer: number
}

/** A published change. */
export interface Change {
  key: number
  ver: number
  /** The version of the source that the change announces. */
  value: number
  /** 1: nothing older may be used at all; 0: older copies are still good as a fallback. */
  hard: number
}

/** One unit of order. `seq` is the length of the log. */
export interface Lane {
  log: Change[]
  /** The highest version given in this lane. */
  highVer: number
  /** The holds and fences of each key, in a place that outlives the metadata. */
  holds: number[]
  fences: number[]
  /** 1: the holds and fences were lost, so nothing may be filled until all there can have been are over. */
  cold: number
}

export interface Instance {
  l1: Copy[]
  /** For each lane: the last change applied, the changes under way, and the answer to a poll under way, plus one. */
  last: number[]
  queue: number[][]
  poll: number[]
  /** For each key: the newest announcement applied here, of any change and of hard ones. Only the checks know. */
  known: number[]
  knownHard: number[]
}

/** A reader or writer on its way. What a field means is said where the step is. */
export interface Process {
  at: number
  /** The newest version of a change applied since the ticket was opened. */
  mark: number
  hardMark: number
  detached: number
  /** What must be returned at least: the announcements that the instance had applied at the start. */
  need: number
  needHard: number
  value: number
  ver: number
  lease: number
  fence: number
  fallbackValue: number
  fallbackVer: number
  fellBack: number
}

export interface KeysState {
  /** For each key: the newest version in the source, and the newest that its replica has. */
  source: number[]
  replica: number[]
  keys: StoredKey[]
  lanes: Lane[]
  instances: Instance[]
  processes: Process[]
  /** The clock of the authority. */
  clock: number
  /** What may still go wrong. */
  losses: number
  evictions: number
  failures: number
  clockSteps: number
  crashes: number
  lostGuards: number
  /** 1: a change in one lane made an instance drop a key of another. */
  mixedLanes: number
  /** 1: a version was given that is not above the one before. */
  repeatedVersion: number
}

/** Above every version. */
export const FOREVER = 250

export const noCopy = (): Copy => ({ value: 0, ver: 0, soft: 0 })

/** Stages of a reader. */
export const Read = {
  idle: 0,
  asking: 1,
  acquiring: 2,
  loading: 3,
  filling: 4,
  landing: 5,
  joined: 6,
  done: 7,
} as const

/** Stages of a writer. The last four belong to guarded writers. */
export const Write = {
  idle: 0,
  announcing: 1,
  returning: 2,
  done: 7,
  committing: 3,
  releasing: 4,
  orphaned: 5,
  crashed: 6,
} as const
