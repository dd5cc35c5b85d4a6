/** How a key was changed where it comes from, and how the cache was told. */
export type How =
  | 'set'
  | 'setMany'
  | 'invalidate'
  | 'barrier'
  | 'delete'
  | 'mutate'
  | 'expire'
  | 'tags'
  | 'pattern'
  | 'clear'
  | 'again'

/** Times are milliseconds of `monotonicMs`; keys are numbers, and what the source holds of a key counts its changes. */
export interface Told {
  readonly key: number
  readonly number: number
  readonly how: How
  /** When the call that told the cache had resolved and said that everybody will see it; null when that is not certain. */
  readonly at: number | null
  readonly token?: string | undefined
}

/** Answers that said the same of a key. */
export interface Seen {
  readonly key: number
  readonly number: number
  /** Answers of calls that may be given a stale value. */
  readonly isLenient: boolean
  count: number
  readonly firstEnd: number
  lastBegin: number
}

/** What happened to a key in one process; repetitions are one event. */
export interface RingEvent {
  readonly what: string
  readonly begin: number
  end: number
  readonly number: number | null
  count: number
}

export interface Wrong {
  readonly key: number
  readonly number: number
  readonly begin: number
  readonly end: number
  readonly what: string
  /** The change of its own that the answer was older than. */
  readonly floor: number
  readonly isLenient: boolean
}

export interface MemberHealth {
  readonly isHealthy: boolean
  readonly intents: number
  /** Everything that was changed before then has been heard; null when that is not known. */
  readonly confirmedAt: number | null
  readonly details: string
}

/** What one process holds of a key when all is over. */
export interface LastLook {
  readonly key: number
  readonly redis: number | null
  readonly get: number | null
  readonly load: number | null
}

export interface MemberCounts {
  readonly operations: Readonly<Record<string, number>>
  readonly failures: Readonly<Record<string, number>>
  readonly tiers: Readonly<Record<string, number>>
  readonly rejectedFills: number
  readonly foreignChanges: number
}

/** What the process that starts the fleet asks of a member. */
export type MemberCalls = {
  /** Resolves once every call has ended, and everything that was seen has been told. */
  rest(body: null): null
  health(body: null): MemberHealth
  ring(body: number): readonly RingEvent[]
  /** Makes the invalidations of a member that has died. */
  tellAgain(body: readonly number[]): readonly Told[]
  lookAt(body: readonly number[]): readonly LastLook[]
  counts(body: null): MemberCounts
}

/** What a member asks of the source, and tells of its work. */
export type SourceCalls = {
  read(body: readonly number[]): readonly number[]
  /** Changes those of the keys that nobody else is changing, until `end`. */
  begin(body: { readonly keys: readonly number[]; readonly how: How }): readonly { key: number; number: number }[]
  end(body: readonly Told[]): null
  /** The latest change of the key that all can see, with its token. */
  newest(body: number): { readonly token: string; readonly number: number } | null
  seen(body: readonly Seen[]): null
  wrong(body: Wrong): null
}

/** How a member reaches Redis. */
export type RedisPlace =
  | { readonly kind: 'single'; readonly port: number }
  | { readonly kind: 'sentinel'; readonly name: string; readonly ports: readonly number[] }
  | { readonly kind: 'cluster'; readonly ports: readonly number[] }

export interface MemberSettings {
  readonly seed: number
  readonly keys: number
  readonly place: RedisPlace
  readonly client: 'ioredis' | 'node-redis'
  /** Folder of a disk tier below. */
  readonly disk: string | null
  /** Most entries in memory; null for no limit. */
  readonly memoryEntries: number | null
  /** How far its clock is ahead. */
  readonly aheadMs: number
  /** Listens to hits, so that the events of a key tell which tier answered. */
  readonly listens: boolean
  readonly maxStalenessMs: number
}

/** Keys of the second namespace may be answered with stale values when they are loaded. */
export function isGraced(key: number): boolean {
  return key % 4 === 3
}

/** Half of the keys have a tag, the same for several of them. */
export function tagOf(key: number): string | undefined {
  return key % 2 === 0 ? undefined : `t${key % 12}`
}
