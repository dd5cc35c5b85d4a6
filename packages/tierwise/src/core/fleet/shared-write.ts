import type { WriteResult } from '../../contract/cache.ts'
import type { TierWriteState } from '../../contract/events.ts'
import { changeShared, type Changed, type SharedChange } from './shared-change.ts'
import { provide } from './shared-fill.ts'
import { leaveOut, storeInMemory, toBytes, type Encoded } from '../store.ts'
import type { Namespace } from '../namespace.ts'
import type { Policy } from '../policy.ts'
import type { Sharing } from './sharing.ts'
import { report, tellTier, type States } from '../tier-write.ts'

export interface SharedWrite {
  readonly batch: readonly Encoded[]
  readonly policy: Policy
  /** Write only if this is the version that the authority holds; else the result has no such tier as `applied`. */
  readonly ifVersion?: number | undefined
}

const stateOf: Readonly<Record<Changed['outcome'], TierWriteState>> = {
  applied: 'applied',
  owed: 'failed',
  conflict: 'skipped',
  late: 'skipped',
  record: 'skipped',
  fence: 'skipped',
  held: 'skipped',
}

/** Sets values where other processes see them: the authority first, which gives the versions; then memory and the rest. */
export async function writeShared(
  ns: Namespace,
  sharing: Sharing,
  write: SharedWrite,
): Promise<Map<string, WriteResult>> {
  const { batch, policy } = write
  const startedAt = ns.now()
  const states = new Map<string, States>(batch.map(({ key }) => [key, {}]))
  const written = new Map(batch.map((item) => [item.key, item]))
  const note = (key: string, tier: string | undefined, state: TierWriteState): void => {
    if (tier !== undefined) states.get(key)![tier] = state
  }
  const changed = await changeShared(ns, sharing, {
    changes: batch.map((item) => changeOf(ns, sharing, { item, write })),
    install: (all) => {
      for (const each of all) {
        const item = withVersion(written.get(each.key)!, each.version)
        written.set(each.key, item)
        note(each.key, ns.local?.name, writeMemory(ns, { item, changed: each, write, startedAt }))
        note(each.key, sharing.tier, ns.sharesWith(policy) ? stateOf[each.outcome] : 'skipped')
      }
    },
    tellOthers: async (all, others) => {
      // protocol P4 overtaken-below: a later change of this process may have been given up, and the tiers below told of it
      const isApplied = (each: Changed): boolean => each.outcome === 'applied' && each.isLatest()
      const applied = batchOf(all, written, isApplied)
      const unsure = batchOf(all, written, (each) => each.outcome !== 'conflict' && !isApplied(each))
      await Promise.all(
        others.map(async (tier) => {
          const took = applied.length === 0 ? [] : await tellTier(ns, { tier, batch: applied, policy })
          for (const [at, { key }] of applied.entries()) note(key, tier.name, took[at] ?? 'failed')
          // protocol P1 unsure-below: what the tiers below hold may be older than a write whose fate is not known
          const left = unsure.length === 0 ? [] : await leaveOut(ns, tier, unsure)
          for (const [at, { key }] of unsure.entries()) note(key, tier.name, left[at] ?? 'failed')
        }),
      )
    },
  })
  return new Map(changed.map(({ key }) => [key, report(ns, written.get(key)!, states.get(key)!)]))
}

/** A write that leaves the authority out still has to be ordered and announced by it. */
function changeOf(
  ns: Namespace,
  sharing: Sharing,
  { item, write }: { readonly item: Encoded; readonly write: SharedWrite },
): SharedChange {
  const { policy, ifVersion } = write
  if (!ns.sharesWith(policy)) return { key: item.key, change: { operation: 'delete' } }
  const { bytes, expiresAt } = toBytes(ns, ns.tierOf(sharing.tier), item)
  const { sourceVersion } = policy
  const coldMs = sharing.coldMs
  return { key: item.key, change: { operation: 'set', bytes, expiresAt, ifVersion, sourceVersion, coldMs } }
}

interface MemoryWrite {
  readonly item: Encoded
  readonly changed: Changed
  readonly write: SharedWrite
  readonly startedAt: number
}

function writeMemory(ns: Namespace, { item, changed, write, startedAt }: MemoryWrite): TierWriteState {
  const { policy, ifVersion } = write
  // protocol P3 owed-rewrite: what was held before may be older than the start of this write
  if (changed.outcome === 'owed' && ifVersion !== undefined) return 'skipped'
  // protocol P4 owed-overtaken: a later write of this process may have been given up before this one
  if (changed.outcome === 'owed' && !changed.isLatest()) return 'skipped'
  // protocol P4 owed-write: the writer reads its own write though the authority is away
  if (changed.outcome === 'owed')
    return provide(ns, { key: item.key, entry: item.entry, readAt: startedAt }, policy) ? 'applied' : 'skipped'
  const isOurs = changed.outcome === 'applied' || changed.outcome === 'record'
  // protocol P1 refused-write: what the authority has refused is not the value of the key, unless only its size was wrong
  return isOurs && changed.mayInstall() && storeInMemory(ns, item, policy) ? 'applied' : 'skipped'
}

function withVersion(item: Encoded, version: number): Encoded {
  return { ...item, entry: { ...item.entry, version } }
}

function batchOf(
  all: readonly Changed[],
  written: ReadonlyMap<string, Encoded>,
  fits: (changed: Changed) => boolean,
): readonly Encoded[] {
  return all.filter(fits).map(({ key }) => written.get(key)!)
}
