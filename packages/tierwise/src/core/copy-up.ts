import type { Fill, HeldLease } from '../contract/authority.ts'
import type { Entry } from '../contract/entry.ts'
import { freshness } from './entry.ts'
import type { GuardedTier } from './guarded-tier.ts'
import type { Namespace } from './namespace.ts'
import type { Sharing } from './sharing.ts'
import { toBytes } from './store.ts'
import { storedEntries } from './stored-entries.ts'

interface Copying {
  readonly source: GuardedTier
  readonly keys: readonly string[]
}

/**
 * Promotion into the tier that is the authority. It needs a lease as a load does, and what is copied is read again once
 * the lease is there: what was read before may have been invalidated in between, and nothing would show that.
 */
export function copyUp(ns: Namespace, copying: Copying): void {
  if (ns.sharing !== undefined) ns.engine.background.run('promotion', copyUnderLease(ns, ns.sharing, copying))
}

/** Resolves to the keys that the authority has taken. */
export async function copyUnderLease(
  ns: Namespace,
  sharing: Sharing,
  { source, keys }: Copying,
): Promise<ReadonlySet<string>> {
  const leases = await takeLeases(ns, sharing, keys)
  if (leases.length === 0) return new Set()
  const storageKeys = leases.map(({ key }) => key)
  const entries = await storedEntries(ns, source, storageKeys)
  const isUsable = (entry: Entry | undefined): entry is Entry =>
    // protocol P1 copy-marks: the authority knows nothing of tags and clears
    entry !== undefined && freshness(entry, ns.now()) === 'fresh' && ns.tags.accepts(entry)
  const fills = leases.flatMap((lease, at): Fill[] => {
    const entry = entries[at]
    return isUsable(entry) ? [toFill(ns, sharing, { ...lease, entry, source })] : []
  })
  const answers = fills.length === 0 ? [] : await sharing.authority?.fill(fills)
  const copied = fills.filter((_, at) => 'version' in (answers?.[at] ?? {})).map(({ key }) => key)
  ns.stats.promotions += copied.length
  const unused = leases.filter(({ key }) => !copied.includes(key))
  if (unused.length > 0) await sharing.authority?.release(unused)
  return new Set(copied.map((key) => key.slice(ns.prefix.length)))
}

async function takeLeases(ns: Namespace, sharing: Sharing, keys: readonly string[]): Promise<readonly HeldLease[]> {
  const storageKeys = keys.map((key) => ns.storageKey(key))
  const { leaseMs } = sharing
  const answers = await sharing.authority?.acquire(storageKeys.map((key) => ({ key, leaseMs })))
  return storageKeys.flatMap((key, at) => {
    const answer = answers?.[at]
    return answer?.kind === 'granted' ? [{ key, lease: answer.lease }] : []
  })
}

/** The version of a source is a time, and what it says is as good as a load. */
function toFill(
  ns: Namespace,
  sharing: Sharing,
  { key, lease, entry, source }: HeldLease & { readonly entry: Entry; readonly source: GuardedTier },
): Fill {
  const tier = ns.tierOf(sharing.tier)
  const payload = tier.envelope.encodeValue(entry.value)
  const unversioned = { ...entry, version: 0 }
  const { bytes, expiresAt } = toBytes(tier, { key, storageKey: key, entry: unversioned, payload })
  // protocol P1 copy-version: the tier below may not have heard yet of the change that the authority has made
  const copyOf = source.capabilities.readOnly === true ? undefined : entry.version
  return { key, lease, bytes, expiresAt, copyOf }
}
