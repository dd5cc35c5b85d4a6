import type { Fill, HeldLease } from '../contract/authority.ts'
import type { Entry } from '../contract/entry.ts'
import { freshness } from './entry.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import type { Sharing } from './fleet/sharing.ts'
import { keepInMemory, toBytes } from './store.ts'
import { storedEntries } from './stored-entries.ts'

interface Copying {
  readonly source: GuardedTier
  readonly keys: readonly string[]
  readonly policy: Policy
}

/** What was copied, and the version that the authority gave it. */
interface Copied {
  readonly key: string
  readonly entry: Entry
}

/**
 * Promotion into the tier that is the authority. It needs a lease as a load does, and what is copied is read again once
 * the lease is there: what was read before may have been invalidated in between, and nothing would show that.
 *
 * Memory takes only what the authority has taken. A tier below may still give what a change has made old that this process
 * has applied long ago, because it is told last.
 */
export function copyUp(ns: Namespace, copying: Copying): void {
  if (ns.sharing !== undefined) ns.engine.background.run('promotion', copyBoth(ns, ns.sharing, copying))
}

async function copyBoth(ns: Namespace, sharing: Sharing, copying: Copying): Promise<void> {
  const tickets = new Map(copying.keys.map((key) => [key, ns.tickets.open(key)]))
  try {
    for (const { key, entry } of await copyUnderLease(ns, sharing, copying)) {
      ns.tickets.markOthers(tickets.get(key)!, entry.version)
      // protocol P1 copy-reply: the key may have changed between the fill and its reply
      if (tickets.get(key)!.allows(entry.version)) copyToMemory(ns, { key, entry }, copying.policy)
    }
  } finally {
    for (const ticket of tickets.values()) ns.tickets.close(ticket)
  }
}

function copyToMemory(ns: Namespace, { key, entry }: Copied, policy: Policy): void {
  const local = ns.localFor(policy)
  if (local === undefined || (local.space.find(key)?.version ?? -1) >= entry.version) return
  keepInMemory(ns, local, { key, entry, policy })
}

async function copyUnderLease(ns: Namespace, sharing: Sharing, { source, keys }: Copying): Promise<readonly Copied[]> {
  const leases = await takeLeases(ns, sharing, keys)
  if (leases.length === 0) return []
  const storageKeys = leases.map(({ key }) => key)
  const entries = await storedEntries(ns, source, { keys: storageKeys })
  const isUsable = (entry: Entry | undefined): entry is Entry =>
    entry !== undefined && freshness(entry, ns.now()) === 'fresh' && ns.tags.accepts(entry)
  const fills = leases.flatMap((lease, at): Fill[] => {
    const entry = entries[at]
    return isUsable(entry) ? [toFill(ns, sharing, { ...lease, entry, source })] : []
  })
  const answers = fills.length === 0 ? [] : await sharing.authority?.fill(fills)
  const taken = new Map<string, number>()
  for (const [at, { key }] of fills.entries()) {
    const answer = answers?.[at]
    if (answer !== undefined && 'version' in answer) taken.set(key, answer.version)
  }
  ns.stats.promotions += taken.size
  const unused = leases.filter(({ key }) => !taken.has(key))
  if (unused.length > 0) await sharing.authority?.release(unused)
  return leases.flatMap(({ key }, at) => {
    const version = taken.get(key)
    return version === undefined ? [] : [{ key: key.slice(ns.prefix.length), entry: { ...entries[at]!, version } }]
  })
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
  const { bytes, expiresAt } = toBytes(ns, tier, { key, storageKey: key, entry: unversioned, payload })
  // protocol P1 copy-version: the tier below may not have heard yet of the change that the authority has made
  const copyOf = source.capabilities.readOnly === true ? undefined : entry.version
  return { key, lease, bytes, expiresAt, copyOf }
}
