import type { WriteResult } from '../contract/cache.ts'
import type { Entry } from '../contract/entry.ts'
import type { TierWriteState } from '../contract/events.ts'
import { ValueError } from '../errors.ts'
import { announce, applyChange, applyChangeOf, interruptLoads } from './coherence.ts'
import { createEntry } from './entry.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import { isolateIn } from './isolation.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import { writeShared } from './fleet/shared-write.ts'
import { encode, storeInMemory } from './store.ts'
import type { Encoded } from './store.ts'
import { report, tellTier, type KeyedEntry, type States, type TierWrite } from './tier-write.ts'

/** Sets one value. Where there is only memory this is done when it returns. */
export async function writeValue(
  ns: Namespace,
  write: { key: string; value: unknown; policy: Policy; sizeBytes?: number },
): Promise<WriteResult> {
  const { key, policy } = write
  checkValue(ns, key, write.value)
  const entry = newEntry(ns, write.value, policy)
  ns.stats.sets++
  // A value that was weighed already is not weighed again.
  if (ns.tiers.length === 0) return writeInMemory(ns, { key, entry: sized(entry, write.sizeBytes) }, policy)
  const item = encode(ns, key, entry)
  if (ns.sharing?.authority === undefined) return writeEntry(ns, item, policy)
  return (await writeShared(ns, ns.sharing, { batch: [item], policy })).get(key)!
}

function sized(entry: Entry, sizeBytes = 0): Entry {
  return sizeBytes === 0 ? entry : { ...entry, sizeBytes }
}

/** As `writeEntries`, without its tables: most writes are of one key. */
async function writeEntry(ns: Namespace, item: Encoded, policy: Policy): Promise<WriteResult> {
  const { key, entry } = item
  const states: States = {}
  await applyChangeOf(ns, { key, version: entry.version }, () => {
    if (ns.local !== undefined) states[ns.local.name] = writeMemory(ns, item, policy)
    const batch = [item]
    return eachTier(ns.tiers, (tier) =>
      tellTier(ns, { tier, batch, policy }).then((outcomes) => void (states[tier.name] = outcomes[0] ?? 'failed')),
    )
  })
  return report(ns, item, states)
}

/** One tier is the usual case. */
function eachTier(tiers: readonly GuardedTier[], tell: (tier: GuardedTier) => Promise<void>): Promise<unknown> {
  return tiers.length === 1 ? tell(tiers[0]!) : Promise.all(tiers.map(tell))
}

/** Sets values: memory at once, the tiers behind it in parallel, one batch each. */
export async function writeValues(
  ns: Namespace,
  values: ReadonlyMap<string, unknown>,
  policy: Policy,
): Promise<Map<string, WriteResult>> {
  for (const [key, value] of values) checkValue(ns, key, value)
  const entries = new Map([...values].map(([key, value]) => [key, newEntry(ns, value, policy)]))
  ns.stats.sets += entries.size
  return writeEntries(ns, entries, { policy })
}

function newEntry(ns: Namespace, value: unknown, policy: Policy): Entry {
  const birth = {
    version: ns.engine.versions.nextVersion(),
    now: ns.now(),
    tags: policy.tags,
    tagClock: ns.tags.now,
    loadMs: 0,
  }
  return createEntry(isolateIn(value, ns.policy.isolation), birth, { policy, random: ns.engine.runtime.random })
}

/**
 * Puts entries into every tier the policy names and takes the keys out of the others, which would otherwise keep an older
 * value. With `ifVersion` an authority takes them only in the place of that version.
 */
export async function writeEntries(
  ns: Namespace,
  entries: ReadonlyMap<string, Entry>,
  { policy, ifVersion }: { readonly policy: Policy; readonly ifVersion?: number | undefined },
): Promise<Map<string, WriteResult>> {
  if (ns.tiers.length === 0)
    return new Map([...entries].map(([key, entry]) => [key, writeInMemory(ns, { key, entry }, policy)]))
  const batch = [...entries].map(([key, entry]) => encode(ns, key, entry))
  if (ns.sharing?.authority !== undefined) return writeShared(ns, ns.sharing, { batch, policy, ifVersion })
  const states = new Map<string, States>(batch.map(({ key }) => [key, {}]))
  const versions = new Map(batch.map(({ key, entry }) => [key, entry.version]))
  await applyChange(ns, versions, async () => {
    for (const item of batch)
      if (ns.local !== undefined) states.get(item.key)![ns.local.name] = writeMemory(ns, item, policy)
    await Promise.all(ns.tiers.map((tier) => writeTier(ns, { tier, batch, policy }, states)))
  })
  return new Map(batch.map((item) => [item.key, report(ns, item, states.get(item.key)!)]))
}

/** Without tiers behind memory a change is one step that nobody can see half done. */
function writeInMemory(ns: Namespace, item: KeyedEntry, policy: Policy): WriteResult {
  interruptLoads(ns, item.key, item.entry.version)
  announce(ns, item.key, item.entry.version)
  return report(ns, item, ns.local === undefined ? {} : { [ns.local.name]: writeMemory(ns, item, policy) })
}

function writeMemory(ns: Namespace, item: KeyedEntry, policy: Policy): TierWriteState {
  return storeInMemory(ns, item, policy) ? 'applied' : 'skipped'
}

async function writeTier(ns: Namespace, write: TierWrite, states: ReadonlyMap<string, States>): Promise<void> {
  const outcomes = await tellTier(ns, write)
  for (const [index, { key }] of write.batch.entries()) states.get(key)![write.tier.name] = outcomes[index] ?? 'failed'
}

function checkValue(ns: Namespace, key: string, value: unknown): void {
  if (value !== undefined) return
  throw new ValueError(
    '`undefined` means absent and cannot be stored. Store `null` for a known absence, or delete the key.',
    {
      code: 'ERR_CACHE_VALUE_UNDEFINED',
      operation: 'set',
      namespace: ns.name,
      key,
    },
  )
}
