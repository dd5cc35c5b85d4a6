import { deleteIn } from './delete-in.ts'
import type { Namespace } from './namespace.ts'
import { changeShared, type Changed, type SharedChange } from './shared-change.ts'
import type { Sharing } from './sharing.ts'

/** How keys are removed where other processes see it. */
export interface RemovalOptions {
  /** For so long nobody may load and store them. */
  readonly holdMs?: number | undefined
  /** Loads that have read an older version of their source are not stored. */
  readonly fence?: number | undefined
}

export interface SharedRemoval extends RemovalOptions {
  readonly keys: readonly string[]
  /** What is held becomes stale instead. */
  readonly isExpiry?: boolean
}

/** What became of the removal of a key, and whether anybody asked still held it. */
export interface Removed extends Changed {
  readonly wasHeld: boolean
}

export async function removeShared(
  ns: Namespace,
  sharing: Sharing,
  { keys, isExpiry = false, holdMs, fence }: SharedRemoval,
): Promise<readonly Removed[]> {
  const held = new Set<string>()
  const operation = isExpiry ? 'expire' : 'delete'
  const changed = await changeShared(ns, sharing, {
    changes: keys.map((key): SharedChange => ({ key, change: { operation, holdMs, fence } })),
    install: (all) => {
      for (const each of all) {
        const { key, version, wasHeld } = each
        const inMemory = ns.local?.space.find(key)
        if (wasHeld || inMemory !== undefined) held.add(key)
        if (isExpiry && inMemory !== undefined && each.outcome === 'applied') expireInMemory(ns, key, version)
        else ns.local?.space.delete(key)
      }
    },
    tellOthers: async (all, others) => {
      const version = all.reduce((newest, each) => Math.max(newest, each.version), 0)
      await Promise.all(others.map((tier) => deleteIn(ns, tier, { keys, version, held })))
    },
  })
  return changed.map((each) => ({ ...each, wasHeld: held.has(each.key) }))
}

export function heldIn(removed: readonly Removed[]): ReadonlySet<string> {
  return new Set(removed.filter(({ wasHeld }) => wasHeld).map(({ key }) => key))
}

function expireInMemory(ns: Namespace, key: string, version: number): void {
  const held = ns.local?.space.find(key)
  if (held === undefined || held.version >= version) return
  const freshUntil = Math.min(held.freshUntil, ns.now())
  ns.local?.space.set(key, { ...held, version, freshUntil }, freshUntil)
}
