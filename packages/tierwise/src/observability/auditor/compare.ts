import { isDeepStrictEqual } from 'node:util'
import type { Cache } from '../../contract/cache.ts'
import type { Sighting } from './report.ts'

export type Verdict = 'same' | 'different' | 'unknown'

/** The versions that both tiers hold of a key, the shared one asked first: memory can only have become newer meanwhile. */
export async function look(
  cache: Cache,
  key: string,
  tiers: { readonly memory: string; readonly shared: string },
): Promise<Pick<Sighting, 'memory' | 'shared'>> {
  const shared = await cache.getEntry(key, { tiers: [tiers.shared] })
  const memory = await cache.getEntry(key, { tiers: [tiers.memory] })
  return { memory: memory?.stale === true ? undefined : memory?.version, shared: shared?.version }
}

/** What the shared tier does not hold may have been evicted there, which says nothing. */
export function compareWithShared({ memory, shared }: Pick<Sighting, 'memory' | 'shared'>): Verdict {
  if (memory === undefined || shared === undefined || memory === 0) return 'unknown'
  return memory >= shared ? 'same' : 'different'
}

/** By content. The source is asked first: the cache can only have become newer meanwhile. */
export async function compareWithSource(
  cache: Cache,
  key: string,
  { source, tier }: { readonly source: (key: string) => Promise<unknown>; readonly tier: string },
): Promise<Verdict> {
  const wanted = await source(key)
  const held = await cache.get(key, { tiers: [tier] })
  if (held === undefined) return 'unknown'
  return isDeepStrictEqual(held, wanted) ? 'same' : 'different'
}
