import type { Cache, CacheManager } from '../../../contract/cache.ts'
import { CacheError } from '../../../errors.ts'
import type { OutboxRow } from './outbox-rows.ts'

/** What became of a row: undefined when it was delivered, else why not. */
export type DeliveryFailure = { readonly error: unknown; readonly isOutage: boolean } | undefined

/** An invalidation is under a deadline of the tier, which a list without end would always miss. */
const mostKeys = 1000

/**
 * Delivers rows, those that are alike in one invalidation. When one of these is refused for what it contains, its rows
 * are delivered one by one, so that one bad row takes no other with it. Never rejects.
 */
export async function deliver(
  manager: CacheManager,
  rows: readonly OutboxRow[],
): Promise<ReadonlyMap<OutboxRow, DeliveryFailure>> {
  const outcomes = new Map<OutboxRow, DeliveryFailure>()
  await Promise.all(
    groupsOf(rows).map(async (group) => {
      const failure = await attempt(manager, group)
      const isMixed = failure !== undefined && !failure.isOutage && group.length > 1
      for (const row of group) outcomes.set(row, isMixed ? await attempt(manager, [row]) : failure)
    }),
  )
  return outcomes
}

function groupsOf(rows: readonly OutboxRow[]): readonly (readonly OutboxRow[])[] {
  const groups = new Map<string, OutboxRow[]>()
  for (const row of rows) {
    const { namespace, keys, fence } = row
    const name = JSON.stringify([namespace, keys === undefined, fence])
    const group = groups.get(name) ?? []
    group.push(row)
    groups.set(name, group)
  }
  return [...groups.values()]
}

async function attempt(manager: CacheManager, rows: readonly OutboxRow[]): Promise<DeliveryFailure> {
  const [first] = rows
  if (first === undefined) return undefined
  try {
    const cache = manager.namespace(first.namespace)
    const tags = distinct(rows.flatMap((row) => row.tags))
    // A tier that cannot be told now is told later by this process, which may end before that.
    if (first.keys === undefined) await cache.invalidateTags(tags, { strict: true })
    else await invalidateKeys(cache, distinct(rows.flatMap(({ keys = [] }) => keys)), first.fence)
    return undefined
  } catch (error) {
    return { error, isOutage: isOutage(error) }
  }
}

async function invalidateKeys(cache: Cache, keys: readonly string[], fence: number | undefined): Promise<void> {
  const how = fence === undefined ? { strict: true } : { strict: true, fence }
  for (let start = 0; start < keys.length; start += mostKeys)
    await cache.invalidate(keys.slice(start, start + mostKeys), how)
}

/** Whether the cache as a whole is in trouble, or stopped, and not the row. */
function isOutage(error: unknown): boolean {
  return error instanceof CacheError && (error.retryable || error.code === 'ERR_CACHE_STOPPED')
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}
