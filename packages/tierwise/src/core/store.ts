import type { Entry } from '../contract/entry.ts'
import type { TierWriteState } from '../contract/events.ts'
import type { TierRecord, WriteOutcome } from '../contract/tier.ts'
import type { WriteMode } from '../contract/options.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import { reviewTime, shiftTimes } from './entry.ts'
import type { LocalPart, Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'

/** An entry on its way into the tiers, its value encoded once for all of them. */
export interface Encoded {
  readonly key: string
  readonly storageKey: string
  readonly entry: Entry
  readonly payload: Uint8Array
  readonly ifNotAfter?: number
}

/** Encodes a value once; tiers differ only in framing and compression. Throws a `CodecError`. */
export function encode(ns: Namespace, key: string, entry: Entry): Encoded {
  const tier = ns.tiers.find(({ capabilities }) => capabilities.readOnly !== true)
  const payload = tier === undefined ? new Uint8Array(0) : tier.envelope.encodeValue(entry.value)
  return { key, storageKey: ns.storageKey(key), entry: { ...entry, sizeBytes: payload.byteLength }, payload }
}

const states: Readonly<Record<WriteOutcome, TierWriteState>> = {
  applied: 'applied',
  pending: 'pending',
  superseded: 'skipped',
  refused: 'skipped',
}

/** Puts an entry into memory if the policy lets it, and otherwise takes the key out: memory would go on to answer what was there. */
export function storeInMemory(ns: Namespace, item: Pick<Encoded, 'key' | 'entry'>, policy: Policy): boolean {
  const local = policy.writeMode === 'around' ? undefined : ns.localFor(policy)
  if (local !== undefined && keepInMemory(ns, local, { ...item, policy })) return true
  ns.local?.space.delete(item.key)
  return false
}

/** Puts an entry into memory for as long as it may stay there. False when memory did not take it. */
export function keepInMemory(
  ns: Namespace,
  { name, space }: LocalPart,
  { key, entry, policy }: { readonly key: string; readonly entry: Entry; readonly policy: Policy },
): boolean {
  const reviewAt = reviewTime(entry, policy, ns.engine.runtime.random)
  const usableUntil = ns.endIn(name, entry)
  if (usableUntil === entry.usableUntil) return space.set(key, entry, reviewAt)
  return space.set(key, { ...entry, usableUntil }, Math.min(reviewAt, usableUntil))
}

/** Writes a batch to one tier, now or behind. States in order. */
export function storeIn(
  ns: Namespace,
  tier: GuardedTier,
  write: { readonly batch: readonly Encoded[]; readonly mode: WriteMode },
): Promise<readonly TierWriteState[]> {
  const { batch, mode } = write
  if (tier.capabilities.readOnly === true) return leaveOut(ns, tier, batch)
  // It gets them when memory gives them up; until then it must not keep older ones.
  if (tier === ns.demotion && areInMemory(ns, batch)) return leaveOut(ns, tier, batch)
  if (mode === 'behind') return storeBehind(ns, tier, batch)
  const records = batch.map((item) => toRecord(ns, tier, item))
  return ns.engine.writeBehind.overtake(
    tier.name,
    batch.map(({ storageKey }) => storageKey),
    () => storeThrough(ns, tier, records),
  )
}

function areInMemory({ local }: Namespace, batch: readonly Encoded[]): boolean {
  return batch.every(({ key, entry }) => local?.space.find(key)?.version === entry.version)
}

async function storeThrough(
  ns: Namespace,
  tier: GuardedTier,
  records: readonly TierRecord[],
): Promise<readonly TierWriteState[]> {
  const outcomes = await tier.set(records, ns.prefix)
  if (outcomes === undefined) return records.map(() => 'failed')
  if (outcomes.includes('refused')) {
    const refused = records.filter((_, index) => outcomes[index] === 'refused')
    // The tier may still hold the value that was to be replaced.
    await tier.delete(
      refused.map(({ key }) => key),
      ns.prefix,
      refused.reduce((most, { version }) => Math.max(most, version), 0),
    )
  }
  return outcomes.map((outcome) => states[outcome])
}

/** Takes keys out of a tier that is not to hold their new values, and would otherwise keep older ones. */
export async function leaveOut(
  ns: Namespace,
  tier: GuardedTier,
  batch: readonly Encoded[],
): Promise<readonly TierWriteState[]> {
  const keys = batch.map(({ storageKey }) => storageKey)
  const version = batch.reduce((newest, { entry }) => Math.max(newest, entry.version), 0)
  const held = await ns.engine.writeBehind.overtake(tier.name, keys, () => tier.delete(keys, ns.prefix, version))
  return keys.map(() => (held === undefined ? 'failed' : 'skipped'))
}

function storeBehind(ns: Namespace, tier: GuardedTier, batch: readonly Encoded[]): Promise<readonly TierWriteState[]> {
  return Promise.all(
    batch.map(async (item): Promise<TierWriteState> => {
      const record = toRecord(ns, tier, item)
      if (ns.engine.writeBehind.offer({ tier, prefix: ns.prefix, record, entry: item.entry })) return 'pending'
      const [state] = await storeThrough(ns, tier, [record])
      return state ?? 'failed'
    }),
  )
}

/** An entry as a tier takes it. */
export function toRecord(ns: Namespace, tier: GuardedTier, item: Encoded): TierRecord {
  const { storageKey, entry, ifNotAfter } = item
  const record = { key: storageKey, ...toBytes(ns, tier, item), version: entry.version }
  return ifNotAfter === undefined ? record : { ...record, ifNotAfter }
}

/** The frame for a tier, and the end of its life by the clock of this process. */
export function toBytes(
  ns: Namespace,
  tier: GuardedTier,
  { storageKey, entry, payload }: Encoded,
): { readonly bytes: Uint8Array; readonly expiresAt: number } {
  return {
    bytes: tier.envelope.frame(storageKey, shiftTimes(entry, tier.clockOffsetMs), payload),
    expiresAt: ns.endIn(tier.name, entry),
  }
}
