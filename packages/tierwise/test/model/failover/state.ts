export interface Copy {
  value: number
  ver: number
}

/** One server's memory. A failover goes back to an earlier one. */
export interface Memory {
  gen: number
  seq: number
  entry: Copy
  /** The reader that may fill, plus one. */
  lease: number
  highVer: number
  /** The newest version of the source that a change in this memory has announced. Only the checks know. */
  announced: number
}

export interface Message {
  gen: number
  seq: number
  ver: number
  value: number
}

export interface Instance {
  l1: Copy
  /** The server that the subscriber is connected to, and the generation and place it has followed. */
  run: number
  gen: number
  last: number
  queue: Message[]
  /** The newest change applied lately: its version, and the version of the source, which only the checks know. */
  floor: number
  known: number
  /** 1: the recent changes were issued again on the new server. */
  isRepaired: number
}

export interface Process {
  at: number
  need: number
  value: number
  ver: number
  /** Marked by a change since the ticket was opened: `ver` at least. */
  mark: number
  /** The server that granted the lease or executed the change, and its generation. */
  run: number
  gen: number
}

export interface FailoverState {
  source: number
  run: number
  clock: number
  memory: Memory
  /** What the replica may still be at. */
  past: Memory[]
  instances: Instance[]
  processes: Process[]
  failovers: number
  flushes: number
}

export const FOREVER = 250

export const Read = {
  idle: 0,
  asking: 1,
  acquiring: 2,
  loading: 3,
  filling: 4,
  landing: 5,
  uncached: 6,
  done: 7,
} as const
export const Write = { idle: 0, announcing: 1, returning: 2, done: 7 } as const

export interface FailoverRules {
  /** What a poll or a message must agree with before it counts. */
  readonly checksRun: boolean
  readonly checksGeneration: boolean
  readonly repairsFromRing: boolean
  /** Whether a copy older than a change applied lately is not believed. */
  readonly doubtsOlderCopies: boolean
  /** Whether a lease is given up with the connection that granted it. */
  readonly leaseEndsWithServer: boolean
  /** Whether a change whose server was lost before its reply was looked at is issued again. */
  readonly lateReplyIsReissued: boolean
  /** Whether a change executed by a server that the instance does not follow yet waits for the resync. */
  readonly waitsForResync: boolean
  readonly resyncMarksTickets: boolean
}

export const fullFailoverRules: FailoverRules = {
  checksRun: true,
  checksGeneration: true,
  repairsFromRing: true,
  doubtsOlderCopies: true,
  leaseEndsWithServer: true,
  lateReplyIsReissued: true,
  waitsForResync: true,
  resyncMarksTickets: true,
}

export interface FailoverRole {
  readonly does: 'read' | 'delete'
  readonly instance: number
  /** The process that has to come to its end first. */
  readonly after?: number
}

export interface FailoverCast {
  readonly roles: readonly FailoverRole[]
  /** How many operations a failover may lose. */
  readonly lostOperations: number
  /** Whether L2 and L1 of the first instance hold the value from the beginning. */
  readonly warm?: boolean
  readonly failovers?: number
  /** How often the server forgets everything and goes on running. */
  readonly flushes?: number
}
