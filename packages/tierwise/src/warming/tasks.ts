import type { Cache, CacheManager } from '../contract/cache.ts'
import type { EntriesTask, HotKeysTask, KeysTask, PatternTask, WarmingLoads } from '../contract/warming.ts'
import type { HotKeyRecords } from './hot-keys/records.ts'
import type { PlannedTask } from './plan.ts'
import { lifeOf } from './life.ts'
import { batches, sizeOf } from './sources.ts'
import type { TaskTally } from './tally.ts'
import { bringUp, loadBatch, loadSingly } from './warm-batch.ts'

/** A task that can be carried out: what it works on, batch by batch, and how a batch is done. */
export interface Job {
  readonly planned: PlannedTask
  readonly tally: TaskTally
  /** Each batch has a size, and is done by running it. */
  batches(how: { readonly size: number; readonly signal: AbortSignal }): AsyncGenerator<Batch, void, undefined>
}

export interface Batch {
  readonly size: number
  run(signal: AbortSignal): Promise<void>
}

export interface JobSurroundings {
  readonly manager: CacheManager
  readonly hotKeys: HotKeyRecords
  /** The tiers of a namespace, fastest first. */
  tiersOf(namespace: string): readonly string[]
}

/** @throws ConfigError ERR_CACHE_OPTION for a namespace or a tenant that cannot be */
export function createJob(planned: PlannedTask, tally: TaskTally, surroundings: JobSurroundings): Job {
  const { task, kind } = planned
  const named = surroundings.manager.namespace(task.namespace)
  const cache = task.tenant === undefined ? named : named.forTenant(task.tenant)
  const place = { cache, tally }
  switch (kind) {
    case 'keys':
      tally.total = sizeOf((task as KeysTask).keys)
      return { planned, tally, batches: (how) => keyBatches(task as KeysTask, place, how) }
    case 'entries':
      tally.total = sizeOf((task as EntriesTask).entries)
      return { planned, tally, batches: (how) => entryBatches(task as EntriesTask, place, how) }
    case 'pattern':
      return {
        planned,
        tally,
        batches: (how) => patternBatches(task as PatternTask, place, { ...how, ...surroundings }),
      }
    case 'hot-keys':
      return {
        planned,
        tally,
        batches: async function* (how) {
          const noted = await surroundings.hotKeys.read(task.namespace)
          tally.total = noted.length
          yield* keyBatches({ ...(task as HotKeysTask), keys: noted.map(([key]) => key) }, place, how)
        },
      }
  }
}

interface Place {
  readonly cache: Cache
  readonly tally: TaskTally
}

interface How {
  readonly size: number
  readonly signal: AbortSignal
}

async function* keyBatches(
  task: Pick<KeysTask, 'keys'> & WarmingLoads,
  place: Place,
  how: How,
): AsyncGenerator<Batch, void, undefined> {
  const { load, loadMany } = task
  const life = lifeOf(task)
  for await (const given of batches(task.keys, how)) {
    const some = distinct(given, place.tally)
    yield {
      size: some.length,
      run: (signal) => {
        const at = { ...place, signal }
        if (loadMany !== undefined) return loadBatch(some, at, { loadMany, life })
        return load === undefined ? bringUp(some, at, undefined) : loadSingly(some, at, { load, life })
      },
    }
  }
}

async function* entryBatches(task: EntriesTask, place: Place, how: How): AsyncGenerator<Batch, void, undefined> {
  const life = lifeOf(task)
  const { sourceVersion } = task
  for await (const given of batches(task.entries, how)) {
    const values = new Map(given)
    const some = distinct(
      given.map(([key]) => key),
      place.tally,
    )
    yield {
      size: some.length,
      run: (signal) =>
        loadBatch(
          some,
          { ...place, signal },
          {
            life,
            loadMany: (missing, context) => {
              if (sourceVersion !== undefined) context.setSourceVersion(sourceVersion)
              return new Map(missing.map((key) => [key, values.get(key)]))
            },
          },
        ),
    }
  }
}

async function* patternBatches(
  { pattern, limit = Infinity, tier }: PatternTask,
  place: Place,
  how: How & JobSurroundings,
): AsyncGenerator<Batch, void, undefined> {
  const tiers = tier === undefined ? undefined : tiersFrom(tier, how.tiersOf(place.cache.name))
  const keys = atMost(place.cache.keys(pattern, tiers && { tiers }), limit)
  for await (const some of batches(keys, how))
    yield { size: some.length, run: (signal) => bringUp(some, { ...place, signal }, tiers) }
}

/** The tier and those below it: what is read through them comes up to it and no further. */
function tiersFrom(tier: string, names: readonly string[]): readonly string[] {
  return names.includes(tier) ? names.slice(names.indexOf(tier)) : [tier]
}

async function* atMost<T>(items: AsyncIterable<T>, most: number): AsyncGenerator<T, void, undefined> {
  let count = 0
  for await (const item of items) {
    yield item
    if (++count >= most) return
  }
}

/** A key that is named twice in a batch is warmed once, and counts once. */
function distinct(keys: readonly string[], tally: TaskTally): readonly string[] {
  const some = [...new Set(keys)]
  if (tally.total !== undefined) tally.total -= keys.length - some.length
  return some
}
