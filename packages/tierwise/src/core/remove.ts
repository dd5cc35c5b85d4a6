import type { BusPosition } from '../contract/bus.ts'
import type { TierWriteState } from '../contract/events.ts'
import { applyChange } from './coherence.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import type { Namespace } from './namespace.ts'
import { changeShared, type Changed, type SharedChange } from './fleet/shared-change.ts'
import type { Sharing } from './fleet/sharing.ts'
import type { States } from './tier-write.ts'

/** How keys are removed where other processes see it. */
export interface RemovalOptions {
  /** What is held becomes stale instead. */
  readonly isExpiry?: boolean | undefined
  /** For so long nobody may load and store them. */
  readonly holdMs?: number | undefined
  /** Loads that have read an older version of their source are not stored. */
  readonly fence?: number | undefined
}

/** What became of a removal. */
export interface Removal {
  /** Keys that were held anywhere. */
  readonly held: ReadonlySet<string>
  /** The newest version that it gave one of the keys. */
  readonly version: number
  readonly tiers: States
  readonly positions: readonly BusPosition[]
}

/** A removal under way: what is found of the keys, and which tier took it. */
interface Finding {
  readonly keys: readonly string[]
  readonly held: Set<string>
  readonly tiers: States
}

/** Removes keys from every tier, one batch a tier. */
export async function removeKeys(ns: Namespace, keys: readonly string[], how: RemovalOptions = {}): Promise<Removal> {
  const finding: Finding = { keys, held: new Set(), tiers: {} }
  const removal =
    ns.sharing?.authority === undefined
      ? await removeAlone(ns, finding)
      : await removeShared(ns, ns.sharing, { finding, how })
  ns.stats.deletes += finding.held.size
  return removal
}

async function removeAlone(ns: Namespace, finding: Finding): Promise<Removal> {
  const { keys, held, tiers } = finding
  const version = ns.engine.versions.nextVersion()
  await applyChange(ns, new Map(keys.map((key) => [key, version])), async () => {
    if (ns.local !== undefined) tiers[ns.local.name] = 'applied'
    for (const key of keys) {
      if (ns.local?.space.find(key) !== undefined) held.add(key)
      ns.local?.space.delete(key)
    }
    await Promise.all(ns.tiers.map((tier) => deleteIn(ns, tier, { finding, version })))
  })
  return { held, version, tiers, positions: [] }
}

async function removeShared(
  ns: Namespace,
  sharing: Sharing,
  { finding, how }: { readonly finding: Finding; readonly how: RemovalOptions },
): Promise<Removal> {
  const { isExpiry = false, holdMs, fence } = how
  const operation = isExpiry ? 'expire' : 'delete'
  const changed = await changeShared(ns, sharing, {
    changes: finding.keys.map((key): SharedChange => {
      // protocol P1 hold-nested: another guarded write of this process goes on, and it has the same hold there
      const isHeldOn = holdMs === 0 && ns.tickets.holdsOf(key) > 1
      return { key, change: { operation, holdMs: isHeldOn ? undefined : holdMs, fence } }
    }),
    install: (all) => {
      if (ns.local !== undefined) finding.tiers[ns.local.name] = 'applied'
      if (sharing.tier !== undefined) finding.tiers[sharing.tier] = stateOf(all)
      for (const each of all) removeInMemory(ns, { changed: each, held: finding.held, isExpiry })
    },
    tellOthers: async (all, others) => {
      // protocol P1 removal-below: what a tier below still holds would be copied up again
      await Promise.all(others.map((tier) => deleteIn(ns, tier, { finding, version: newest(all) })))
    },
  })
  const positions = changed.flatMap(({ position }) => position ?? [])
  return { held: finding.held, version: newest(changed), tiers: finding.tiers, positions }
}

interface MemoryRemoval {
  readonly changed: Changed
  readonly held: Set<string>
  readonly isExpiry: boolean
}

function removeInMemory(ns: Namespace, { changed, held, isExpiry }: MemoryRemoval): void {
  const { key, version, wasHeld, outcome } = changed
  const inMemory = ns.local?.space.find(key)
  if (wasHeld || inMemory !== undefined) held.add(key)
  if (!isExpiry || inMemory === undefined || outcome !== 'applied') ns.local?.space.delete(key)
  else if (inMemory.version < version) {
    const freshUntil = Math.min(inMemory.freshUntil, ns.now())
    ns.local?.space.set(key, { ...inMemory, version, freshUntil }, freshUntil)
  }
}

/** Removes keys from one tier, and notes those that it held or was about to be given. */
async function deleteIn(
  ns: Namespace,
  tier: GuardedTier,
  { finding, version }: { readonly finding: Finding; readonly version: number },
): Promise<void> {
  const { keys, held, tiers } = finding
  const storageKeys = keys.map((key) => ns.storageKey(key))
  const { writeBehind } = ns.engine
  for (const [index, storageKey] of storageKeys.entries()) {
    if (writeBehind.peek(tier.name, storageKey) !== undefined) held.add(keys[index]!)
  }
  const outcomes = await writeBehind.overtake(tier.name, storageKeys, () =>
    tier.delete(storageKeys, ns.prefix, version),
  )
  tiers[tier.name] = outcomes === undefined ? 'failed' : 'applied'
  for (const [index, key] of keys.entries()) if (outcomes?.[index] === true) held.add(key)
}

function stateOf(changed: readonly Changed[]): TierWriteState {
  return changed.every(({ outcome }) => outcome !== 'owed') ? 'applied' : 'failed'
}

function newest(changed: readonly Changed[]): number {
  return changed.reduce((most, { version }) => Math.max(most, version), 0)
}
