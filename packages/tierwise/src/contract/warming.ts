import type { BatchLoader, LoaderContext } from './loader.ts'
import type { Duration, LoadOptions } from './options.ts'

/** How important a task is; see the `strategy` of a warming. */
export type WarmingPriority = 'high' | 'medium' | 'low'

/** Things, or a function that gives them when their turn comes. An asynchronous one is read no faster than it is used. */
export type WarmingSource<T> =
  | Iterable<T>
  | AsyncIterable<T>
  | ((signal: AbortSignal) => Iterable<T> | AsyncIterable<T> | Promise<Iterable<T> | AsyncIterable<T>>)

/** A loader as that of `getOrSet`. */
export type WarmingLoader = (context: LoaderContext<never>) => unknown

/** What all tasks have. */
export interface WarmingTaskOptions {
  /** The namespace that is warmed. */
  readonly namespace: string
  /** The tenant, in a namespace with tenants. @default none */
  readonly tenant?: string
  /** How important it is. @default 'medium' */
  readonly priority?: WarmingPriority
}

/** Where values that are missing come from, and how they live. At most one of the loaders. */
export interface WarmingLoads extends Pick<LoadOptions, 'ttl' | 'tags'> {
  /** Loads one key. @default none */
  readonly load?: WarmingLoader
  /** Loads the keys of a batch that are missing. @default none */
  readonly loadMany?: BatchLoader<unknown>
}

/** Keys that are named. Without a loader what lower tiers hold of them is brought up. */
export interface KeysTask extends WarmingTaskOptions, WarmingLoads {
  /** The most important ones first. */
  readonly keys: WarmingSource<string>
}

/** Keys that a tier holds, brought up into memory and the tiers above. */
export interface PatternTask extends WarmingTaskOptions {
  /** Which keys: a pattern as of `invalidatePattern`. Visits every key of the namespace. */
  readonly pattern: string
  /** Keys at most. @default all */
  readonly limit?: number
  /** The fastest tier that is filled. @default the first of the namespace */
  readonly tier?: string
}

/** Values that come with their keys, for example the rows of a query. Where there is a fresh value already, it stays. */
export interface EntriesTask extends WarmingTaskOptions, Pick<LoadOptions, 'ttl' | 'tags'> {
  /** Keys and values. They are read before the cache knows that it needs them: see `sourceVersion`. */
  readonly entries: WarmingSource<readonly [key: string, value: unknown]>
  /**
   * The version of the source that the values were read from: what is older than the fence of an invalidation is not
   * stored. Without it, a value that the source changes while it is on its way here is stored all the same. @default none
   */
  readonly sourceVersion?: number
}

/** The keys that `keepWarm` has noted as read most, hottest first. Without a loader what lower tiers hold is brought up. */
export interface HotKeysTask extends WarmingTaskOptions, WarmingLoads {
  /** Says that it is such a task. */
  readonly hotKeys: true
}

/** A part of a plan. */
export type WarmingTask = KeysTask | PatternTask | EntriesTask | HotKeysTask

/** Once across all processes that share a tier. */
export interface WarmingOnce {
  /** What is done once; letters, digits, `_`, `-` and `.`. */
  readonly name: string
  /** What the other processes do: `wait` until it is done, or `skip` it. Who waits takes over when the first one dies. @default 'wait' */
  readonly others?: 'wait' | 'skip'
  /** For how long it counts as done. @default '10m' */
  readonly for?: Duration
  /** How long nothing is heard of the process that warms before another takes over. @default '10s' */
  readonly takeover?: Duration
}

/** How a plan is carried out. */
export interface WarmingOptions {
  /** Name of the warming in events and reports. @default 'warming' */
  readonly name?: string
  /**
   * `priority`: those of high priority, then medium, then low. `parallel`: all tasks at once. `sequential`: one after the
   * other, as they are written. @default 'priority'
   */
  readonly strategy?: 'priority' | 'parallel' | 'sequential'
  /** Batches at once, over all tasks; with a loader of single keys as many of its runs. @default 4 */
  readonly concurrency?: number
  /** Keys of a batch. @default 100 */
  readonly batchSize?: number
  /** Keys a second, evenly, over all tasks. @default unlimited */
  readonly rate?: number
  /** When what is left is given up. @default '5m' */
  readonly deadline?: Duration | false
  /** Once across all processes that share a tier; a text is the name. @default each process for itself */
  readonly once?: string | WarmingOnce
  /** Ends the warming; what is left is given up. @default none */
  readonly signal?: AbortSignal
  /** Told of the progress, at most four times a second, and of the end. @default none */
  readonly onProgress?: (progress: WarmingProgress) => void
}

/** What became of the keys. */
export interface WarmingCounts {
  /** Brought by a loader, or as an entry. */
  readonly loaded: number
  /** Held already by one of the tiers, and fresh; copied upwards from the lower ones. */
  readonly present: number
  /** Held nowhere, and no loader had them. */
  readonly absent: number
  /** Their loader failed, or the namespace refused them. */
  readonly failed: number
  /** Begun or known, and not finished when the warming was ended. */
  readonly givenUp: number
}

/** How far a warming has come. */
export interface WarmingProgress extends WarmingCounts {
  readonly name: string
  /** `waiting`: another process warms, see `once`. */
  readonly state: 'waiting' | 'running' | 'finished'
  /** Keys that are finished with: all counts together. */
  readonly done: number
  /** Keys in all; undefined as long as a source has not said how many it has. */
  readonly total: number | undefined
  /** Finished keys a second, since the start. */
  readonly rate: number
  /** Milliseconds to the end at this rate; undefined without a total. */
  readonly etaMs: number | undefined
  readonly elapsedMs: number
}

/** A failure that a warming has met. */
export interface WarmingFailure {
  readonly namespace: string
  /** Absent where a whole source failed. */
  readonly key?: string
  /** The code of a `CacheError`; undefined for others, those of a source. */
  readonly code: string | undefined
  readonly message: string
}

/** What became of a task. */
export interface WarmingTaskReport extends WarmingCounts {
  readonly namespace: string
  readonly kind: 'keys' | 'pattern' | 'entries' | 'hot-keys'
}

/**
 * `done`: every key was tried. `deadline`, `aborted`, `stopped`: ended before that, by its deadline, its signal or `stop`,
 * or the stop of the manager. `lost`: another process has taken over. `elsewhere`: done by another process. `skipped`: another process is at it.
 */
export type WarmingOutcome = 'done' | 'deadline' | 'aborted' | 'stopped' | 'lost' | 'elsewhere' | 'skipped'

/** What a warming came to. */
export interface WarmingReport extends WarmingCounts {
  readonly name: string
  readonly outcome: WarmingOutcome
  readonly durationMs: number
  /** In the order of the plan. */
  readonly tasks: readonly WarmingTaskReport[]
  /** The first ten failures. */
  readonly failures: readonly WarmingFailure[]
}

/** A warming that runs: a promise of its report, and its progress to follow with `for await`. */
export interface Warming extends Promise<WarmingReport>, AsyncIterable<WarmingProgress> {
  /** How far it has come. */
  readonly progress: WarmingProgress
  /** Ends it; what is left is given up. Resolves to the report. */
  stop(): Promise<WarmingReport>
}

/** Who knows which keys are read most. */
export interface HotKeySource {
  /** The keys of a namespace with how often they are read, most read first; at most 64. */
  hotKeys(namespace: string): readonly { readonly key: string; readonly reads: number }[]
  /** The namespaces that were used. */
  namespaces(): readonly string[]
}
