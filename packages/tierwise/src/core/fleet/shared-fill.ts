import type { Fill, FillAnswer } from '../../contract/authority.ts'
import type { Entry } from '../../contract/entry.ts'
import { encode, leaveOut, storeIn, storeInMemory, toBytes } from '../store.ts'
import type { Encoded } from '../store.ts'
import type { Loaded } from '../fill.ts'
import type { Flight } from '../flight.ts'
import type { Namespace } from '../namespace.ts'
import type { Policy } from '../policy.ts'
import type { Sharing } from './sharing.ts'
import type { Ticket } from '../tickets.ts'

/** A loaded value on its way to the authority. */
interface Candidate {
  readonly loaded: Loaded
  readonly lease: string
  readonly item: Encoded
  readonly ticket: Ticket
}

/**
 * Stores loaded values of flights that hold a lease: first where the authority is, which refuses what was invalidated
 * meanwhile and gives the version; then, with that version, everywhere else. Returns the flights that stored.
 */
export async function fillShared(
  ns: Namespace,
  sharing: Sharing,
  batch: readonly { readonly loaded: Loaded; readonly entry: Entry }[],
): Promise<ReadonlySet<Flight>> {
  const candidates = batch.flatMap(({ loaded, entry }) => candidateOf(ns, loaded, entry) ?? [])
  const stored = new Set<Flight>()
  for (const { loaded, entry } of batch) if (keepProvisionally(ns, loaded, entry)) stored.add(loaded.flight)
  const answers = await sendFills(ns, sharing, candidates)
  const applied = candidates.flatMap((candidate, at) => install(ns, candidate, answers?.[at]) ?? [])
  for (const { loaded } of applied) stored.add(loaded.flight)
  await fillOthers(ns, sharing, applied)
  ns.stats.rejectedFills += batch.length - stored.size
  return stored
}

/**
 * A value that cannot be encoded is stored nowhere: no other process could have it. Nor is one that was cleared, or whose
 * tags were invalidated, while it was loaded: the authority knows nothing of these. Nor is one whose key this process has
 * changed since, or whose lane was lost: the authority may not have taken the change. Their leases are given back.
 */
function candidateOf(ns: Namespace, loaded: Loaded, entry: Entry): Candidate | undefined {
  const { flight } = loaded
  const { right, ticket } = flight
  // protocol P1 fill-changed: this process has changed the key since, or lost its lane, and the authority may not know
  if (right.kind !== 'leased' || ticket?.allows(Number.MAX_VALUE) !== true || !ns.tags.accepts(entry)) return undefined
  try {
    return { loaded, lease: right.lease, item: encode(ns, flight.key, entry), ticket }
  } catch (error) {
    ns.engine.emitter.emit({ type: 'background-error', work: 'fill', error })
    return undefined
  }
}

function sendFills(
  ns: Namespace,
  sharing: Sharing,
  candidates: readonly Candidate[],
): Promise<readonly FillAnswer[] | undefined> {
  if (candidates.length === 0 || sharing.authority === undefined) return Promise.resolve([])
  const tier = ns.tierOf(sharing.tier)
  const fills = candidates.map(({ loaded, lease, item }): Fill => {
    const { bytes, expiresAt } = toBytes(ns, tier, item)
    return { key: item.storageKey, lease, bytes, expiresAt, sourceVersion: loaded.sourceVersion }
  })
  return sharing.authority.fill(fills)
}

/** Puts what the authority has taken into memory, if nothing has changed the key since the fill was sent. */
function install(
  ns: Namespace,
  candidate: Candidate,
  answer: FillAnswer | undefined,
): (Candidate & { readonly inMemory: boolean }) | undefined {
  const { loaded, item, ticket } = candidate
  if (answer === undefined) return undefined
  loaded.flight.right = { kind: 'none' }
  if ('refused' in answer) {
    loaded.flight.wasFenced = answer.refused === 'fence'
    return undefined
  }
  const versioned: Encoded = { ...item, entry: { ...item.entry, version: answer.version } }
  ns.engine.versions.observe(answer.version)
  ns.failures.forget(item.key)
  // protocol P2 fill-marks-others: what was read before the fill is older than what it stored
  ns.tickets.markOthers(ticket, answer.version)
  const held = ns.local?.space.find(item.key)
  // protocol P1 fill-reply: the key may have changed between the fill and its reply
  // protocol P2 fill-newest: memory may have got a later version meanwhile
  const isNewest = ticket.allows(answer.version) && (held === undefined || held.version < answer.version)
  const inMemory = isNewest && storeInMemory(ns, versioned, loaded.policy)
  return { ...candidate, item: versioned, inMemory }
}

/** Resolves at once when memory has taken everything. */
async function fillOthers(
  ns: Namespace,
  sharing: Sharing,
  applied: readonly (Candidate & { readonly inMemory: boolean })[],
): Promise<void> {
  const [first] = applied
  const others = ns.tiers.filter((tier) => tier.name !== sharing.tier)
  if (first === undefined || others.length === 0) return
  const { policy } = first.loaded
  const chosen = ns.tiersFor(policy)
  const current: Encoded[] = []
  const overtaken: Encoded[] = []
  // protocol P4 fill-overtaken: a change of this process may have been given up, and the tiers below told of it
  for (const { item, ticket } of applied) (ticket.allows(Number.MAX_VALUE) ? current : overtaken).push(item)
  for (const { item } of applied) ns.filling.add(item.key)
  const stored = Promise.all(
    others.map((tier) => {
      const stays = chosen.includes(tier)
      const works: Promise<unknown>[] = []
      const left = stays ? overtaken : [...current, ...overtaken]
      if (left.length > 0) works.push(leaveOut(ns, tier, left))
      if (stays && current.length > 0) works.push(storeIn(ns, tier, { batch: current, mode: policy.writeMode }))
      return Promise.all(works)
    }),
  ).finally(() => {
    for (const { item } of applied) ns.filling.remove(item.key)
  })
  if (applied.every(({ inMemory }) => inMemory)) ns.engine.background.run('fill', stored)
  else await stored
}

/** While the authority cannot be asked, memory alone keeps what is loaded, without a version, as long as a proof would last. */
function keepProvisionally(ns: Namespace, { flight, policy, readAt }: Loaded, entry: Entry): boolean {
  // protocol P1 provisional-detached: the key has changed since the load began
  if (flight.right.kind !== 'unproved' || !ns.flights.mayStore(flight)) return false
  return provide(ns, { key: flight.key, entry, readAt }, policy)
}

/** Into memory without a version, so that every change that is heard of is newer. */
export function provide(
  ns: Namespace,
  { key, entry, readAt }: { readonly key: string; readonly entry: Entry; readonly readAt: number },
  policy: Policy,
): boolean {
  // protocol P3 provisional-version: every change that is heard of has to be newer
  if (!storeInMemory(ns, { key, entry: { ...entry, version: 0 } }, policy)) return false
  ns.failures.forget(key)
  ns.sharing?.provide(key, readAt)
  return true
}
