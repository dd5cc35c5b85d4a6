import type { Cache } from '../contract/cache.ts'
import type { BatchLoader } from '../contract/loader.ts'
import type { WarmingLoader } from '../contract/warming.ts'
import { CacheError } from '../errors.ts'
import type { LoadLife } from './life.ts'
import type { KeyEnd, TaskTally } from './tally.ts'

/** Where a batch is warmed, and who counts it. */
export interface BatchPlace {
  readonly cache: Cache
  readonly tally: TaskTally
  readonly signal: AbortSignal
}

/** Reads the keys: what a lower tier holds of them comes up. */
export async function bringUp(
  keys: readonly string[],
  place: BatchPlace,
  tiers: readonly string[] | undefined,
): Promise<void> {
  const { cache, tally } = place
  await eachOrAll(keys, place, async (some) => {
    const held = await cache.getMany(some, tiers === undefined ? undefined : { tiers })
    tally.end('present', held.size)
    tally.end('absent', some.length - held.size)
  })
}

/** Loads what is missing of the keys, one run of the loader for all. */
export async function loadBatch(
  keys: readonly string[],
  place: BatchPlace,
  { loadMany, life }: { readonly loadMany: BatchLoader<unknown>; readonly life: LoadLife },
): Promise<void> {
  const { cache, tally, signal } = place
  const asked = new Map<string, KeyEnd>()
  const failures: unknown[] = []
  const observed: BatchLoader<unknown> = async (missing, context) => {
    for (const key of missing) asked.set(key, 'failed')
    try {
      const values = await loadMany(missing, context)
      for (const key of missing) asked.set(key, values.get(key) === undefined ? 'absent' : 'loaded')
      return values
    } catch (error) {
      failures.push(error)
      throw error
    }
  }
  await eachOrAll(keys, place, async (some) => {
    const held = await cache
      .getOrSetMany(some, observed, { ...life, softTimeout: false, signal })
      // What a loader could not bring is counted below; the keys that it was not asked for are tried again.
      .catch((error: unknown) => (some.some((key) => asked.has(key)) ? error : Promise.reject(error as Error)))
    if (signal.aborted) return
    // Loaded, and then of no use.
    if (held instanceof CacheError && held.key !== undefined && asked.has(held.key)) asked.set(held.key, 'failed')
    const ended = some.filter((key) => asked.has(key))
    const cause = failures[0] ?? held
    for (const key of ended) endAsked(key, { how: asked.get(key)!, cause, tally })
    const others = some.filter((key) => !asked.has(key))
    if (held instanceof Map) for (const key of others) tally.end(held.has(key) ? 'present' : 'absent')
    else if (others.length > 0) await loadBatch(others, place, { loadMany, life })
  })
}

/** Loads what is missing of the keys one after the other: a batch of them is one run of the loader at a time. */
export async function loadSingly(
  keys: readonly string[],
  { cache, tally, signal }: BatchPlace,
  { load, life }: { readonly load: WarmingLoader; readonly life: LoadLife },
): Promise<void> {
  const held = await cache.getMany(keys).catch(() => new Map<string, unknown>())
  tally.end('present', held.size)
  for (const key of keys) {
    if (held.has(key)) continue
    if (signal.aborted) return
    let how: KeyEnd = 'present'
    let failure: unknown
    try {
      const value = await cache.getOrSet(
        key,
        async (context) => {
          how = 'failed'
          try {
            const loaded = await load(context as never)
            how = loaded === undefined ? 'absent' : 'loaded'
            return loaded
          } catch (error) {
            failure = error
            throw error
          }
        },
        { ...life, softTimeout: false, signal },
      )
      endAsked(key, { how: how === 'present' && value === undefined ? 'absent' : how, cause: failure, tally })
    } catch (error) {
      if (signal.aborted) return
      tally.fail(error, key)
    }
  }
}

function endAsked(key: string, { how, cause, tally }: { how: KeyEnd; cause: unknown; tally: TaskTally }): void {
  if (how === 'failed') tally.fail(cause, key)
  else tally.end(how)
}

/** All keys in one call; where that is refused because of one of them, the others without it. */
async function eachOrAll(
  keys: readonly string[],
  { tally, signal }: BatchPlace,
  work: (keys: readonly string[]) => Promise<void>,
): Promise<void> {
  let left = keys
  while (left.length > 0) {
    try {
      return await work(left)
    } catch (error) {
      if (signal.aborted) return
      const refused = error instanceof CacheError ? error.key : undefined
      if (left.length === 1) return tally.fail(error, String(left[0]))
      if (refused === undefined || !left.includes(refused)) return oneByOne(left, tally, work)
      tally.fail(error, refused)
      left = left.filter((key) => key !== refused)
    }
  }
}

async function oneByOne(
  keys: readonly string[],
  tally: TaskTally,
  work: (keys: readonly string[]) => Promise<void>,
): Promise<void> {
  for (const key of keys) await work([key]).catch((error: unknown) => tally.fail(error, String(key)))
}
