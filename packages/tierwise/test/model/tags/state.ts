/** The tag that the key has, and one that it has not. A clear is a tag that every key has. */
export const OWN_TAG = 0
export const OTHER_TAG = 1

/** A value with what its loader knew of tags; `ver` 0 means there is none. */
export interface TaggedCopy {
  value: number
  ver: number
  clock: number
}

/** What the authority knows of tags. */
export interface TagTable {
  clock: number
  /** For each tag: the clock of its last invalidation. */
  marks: number[]
  /** The clock when the table was made. What is older may have been invalidated before, by marks that are gone. */
  born: number
  seq: number
  /** The newest version of the source that an invalidation in this table has announced. Only the checks know. */
  announced: number
}

export interface TagChange {
  tag: number
  clock: number
  /** The version of the source that it announces. */
  value: number
}

export interface TagInstance {
  l1: TaggedCopy
  clock: number
  marks: number[]
  born: number
  last: number
  queue: number[]
  /** The newest announcement applied here. Only the checks know. */
  known: number
}

export interface TagProcess {
  at: number
  need: number
  value: number
  ver: number
  clock: number
  /** Of a reader: whom it joined, plus one. */
  leader: number
}

export interface TagState {
  source: number
  l2: TaggedCopy
  table: TagTable
  log: TagChange[]
  instances: TagInstance[]
  processes: TagProcess[]
  /** The clock of the host, which goes on when the table is lost. */
  time: number
  ver: number
  losses: number
  lostTables: number
  failovers: number
}

export const Read = {
  idle: 0,
  asking: 1,
  clock: 2,
  loading: 3,
  filling: 4,
  landing: 5,
  joined: 6,
  done: 7,
  noting: 8,
} as const
export const Write = { idle: 0, announcing: 1, returning: 2, done: 7 } as const
