import type { Entry, EntryHead } from '../contract/entry.ts'
import type { TierRecord } from '../contract/tier.ts'
import { copyUp } from './copy-up.ts'
import { freshness, shiftTimes } from './entry.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import { keepInMemory } from './store.ts'
import { storedEntries } from './stored-entries.ts'
import type { Ticket } from './tickets.ts'

/** The best that the tiers hold for a key: fresh if any tier is, else the newest stale entry. */
export interface Found {
  readonly entry: Entry
  readonly tier: string
  readonly isFresh: boolean
}

/** Who reads, and by which rules. */
export interface Reader {
  readonly ns: Namespace
  readonly policy: Policy
}

/** An entry on its way up, and the ticket that was opened before it was asked for. */
interface Promotion {
  readonly ticket: Ticket
  readonly entry: Entry
}

/** What stands against the answer for a key. */
export interface Doubt {
  /** The version of a record that the authority holds and that is of no use here, because its tag was invalidated, say; -Infinity for none. */
  readonly refused: number
  /** A tier that may have the key could not answer. */
  readonly isUnsure: boolean
}

/** A key on its way down, and the best that was found for it so far. */
interface Quest extends Doubt {
  readonly ticket: Ticket
  best: Found | undefined
  refused: number
  isUnsure: boolean
}

/** Told once for each key, as soon as what there is of it is known. */
export type OnFound = (key: string, found: Found | undefined, doubt: Doubt) => void

/**
 * Walks the tiers behind memory from the fastest down, one batch a tier, and stops for each key at the first fresh
 * entry: a key that is found need not wait for those that are looked for further down. What is fresh fills the tiers above
 * it, with the life it has left. Never rejects because of a tier.
 */
export async function walkDown(reader: Reader, keys: readonly string[], onFound: OnFound): Promise<void> {
  const { ns, policy } = reader
  const quests = keys.map((key): Quest => ({
    ticket: ns.tickets.open(key),
    best: undefined,
    refused: -Infinity,
    isUnsure: false,
  }))
  try {
    await walkOn({ reader, tiers: ns.tiersFor(policy), onFound }, quests, 0)
  } finally {
    for (const { ticket } of quests) ns.tickets.close(ticket)
  }
}

/** One walk: who reads, from where, for whom. */
interface Walk {
  readonly reader: Reader
  readonly tiers: readonly GuardedTier[]
  readonly onFound: OnFound
}

async function walkOn(walk: Walk, quests: readonly Quest[], depth: number): Promise<void> {
  const tier = walk.tiers[depth]
  if (tier === undefined || quests.length === 0) {
    for (const quest of quests) walk.onFound(quest.ticket.key, quest.best, quest)
    return
  }
  const parts = partsOf(walk.reader.ns, tier, quests)
  if (parts.length === 1) return walkOn(walk, await askTier(walk, tier, quests), depth + 1)
  await Promise.all(parts.map(async (part) => walkOn(walk, await askTier(walk, tier, part), depth + 1)))
}

/** Keys that may fail apart are asked for apart, so that what is down takes no other keys with it. */
function partsOf(ns: Namespace, tier: GuardedTier, quests: readonly Quest[]): readonly (readonly Quest[])[] {
  if (!tier.hasParts || quests.length === 1) return [quests]
  const parts = new Map<number, Quest[]>()
  for (const quest of quests) {
    const number = tier.partOf(ns.storageKey(quest.ticket.key))
    const part = parts.get(number)
    if (part === undefined) parts.set(number, [quest])
    else part.push(quest)
  }
  return [...parts.values()]
}

/** Answers what is fresh in the tier and returns the rest. */
async function askTier(
  { reader, onFound }: Walk,
  tier: GuardedTier,
  quests: readonly Quest[],
): Promise<readonly Quest[]> {
  const answers = await readTier(reader, tier, quests)
  reader.ns.stats.lookedUp(tier.name, answers)
  const fresh: Quest[] = []
  const missing: Quest[] = []
  for (let at = 0; at < quests.length; at++) {
    const quest = quests[at]!
    quest.best = better(quest.best, answers[at])
    if (quest.best?.isFresh === true) fresh.push(quest)
    else missing.push(quest)
  }
  fillAbove(reader, tier, fresh)
  for (const quest of fresh) onFound(quest.ticket.key, quest.best, quest)
  return missing
}

/** The one to go on with: a stale entry is kept only until something better turns up. */
export function better(held: Found | undefined, answer: Found | undefined): Found | undefined {
  if (answer === undefined) return held
  return held === undefined || answer.isFresh || answer.entry.version > held.entry.version ? answer : held
}

/** One answer a quest, in order. */
async function readTier(
  reader: Reader,
  tier: GuardedTier,
  quests: readonly Quest[],
): Promise<readonly (Found | undefined)[]> {
  const { ns, policy } = reader
  const entries = await heldEntries(ns, tier, quests)
  const known = knowsTags(ns)
  const areTagsKnown = typeof known === 'boolean' ? known : await known
  const now = ns.now()
  return entries.map((entry, at) => {
    if (entry === undefined) return undefined
    const quest = quests[at]!
    const state = freshness(entry, now)
    // protocol P4 read-after: a tier may hold the version before that of the token
    // protocol P1 read-marks: invalidations of tags and clears leave the records where they are
    if (state === 'dead' || entry.version < policy.after || !ns.tags.accepts(entry)) {
      refuse(ns, tier, { quest, version: entry.version })
      return undefined
    }
    if (!areTagsKnown) quest.isUnsure = true
    const isFresh = state === 'fresh' && areTagsKnown && isProved(ns, tier, { entry, ticket: quest.ticket, now })
    return { entry, tier: tier.name, isFresh }
  })
}

/** The authority would go on to announce the record as fresh, and give no lease to replace it. */
function refuse(
  { sharing }: Namespace,
  { name }: GuardedTier,
  { quest, version }: { readonly quest: Quest; readonly version: number },
): void {
  if (name === sharing?.tier) quest.refused = Math.max(quest.refused, version)
}

/** Whether everything is known that was invalidated; false when no shared store can tell. */
export function knowsTags(ns: Namespace): boolean | Promise<boolean> {
  // protocol P3 read-tags: the store answers a record whose tag was invalidated, too
  return ns.sharing === undefined || ns.sharing.knowsTags(ns.now()) || (ns.engine.fleet?.learnTags() ?? true)
}

/** Where other processes write too, their changes are there. A tier of this process alone has to hear of them. */
export function isProved(
  { sharing, prefix }: Namespace,
  { capabilities }: GuardedTier,
  { entry, ticket, now }: { readonly entry: EntryHead; readonly ticket: Ticket; readonly now: number },
): boolean {
  if (sharing === undefined || capabilities.shared || capabilities.readOnly === true) return true
  // protocol P1 local-marked: it may not have heard yet of a change that this process has applied
  if (!ticket.allows(entry.version)) return false
  // protocol P3 local-proved: a tier of this process has heard only what this process has heard
  return sharing.mayServeLocal(prefix + ticket.key, entry.version, now)
}

/** What the tier holds or is about to be given, decoded, in order; entries that no longer fit the schema are left out. */
async function heldEntries(
  ns: Namespace,
  tier: GuardedTier,
  quests: readonly Quest[],
): Promise<readonly (Entry | undefined)[]> {
  const { writeBehind } = ns.engine
  if (writeBehind.isIdle) return askedEntries(ns, tier, quests)
  const held = quests.map(({ ticket }) => writeBehind.peek(tier.name, ns.storageKey(ticket.key)))
  const asked = quests.filter((_, at) => held[at] === undefined)
  if (asked.length === 0) return held
  const stored = await askedEntries(ns, tier, asked)
  let next = 0
  return held.map((pending) => pending ?? stored[next++])
}

function askedEntries(
  ns: Namespace,
  tier: GuardedTier,
  quests: readonly Quest[],
): Promise<readonly (Entry | undefined)[]> {
  const keys = quests.map(({ ticket }) => ns.storageKey(ticket.key))
  return storedEntries(ns, tier, {
    keys,
    onUnusable: (at, version) => refuse(ns, tier, { quest: quests[at]!, version }),
    onFailure: () => {
      for (const quest of quests) quest.isUnsure = true
    },
  })
}

/** Promotion: into memory at once, into the byte tiers between in the background. Neither if the key changed meanwhile. */
function fillAbove(reader: Reader, source: GuardedTier, quests: readonly Quest[]): void {
  const { ns, policy } = reader
  const tiers = ns.tiersFor(policy)
  if (quests.length === 0 || (tiers[0] === source && ns.localFor(policy) === undefined)) return
  const allowed = installable(source, quests)
  if (allowed.length === 0) return
  // protocol P1 copy-confirmed: a tier below is told of changes last, and by then this process has applied them
  if (!isConfirmedAbove(ns, source)) ns.stats.promotions += fillMemory(reader, allowed)
  for (const tier of tiers.slice(0, tiers.indexOf(source))) {
    if (tier.capabilities.readOnly !== true && tier !== ns.demotion && !isOnlyHere(ns, source, tier))
      promote(reader, allowed, { from: source, to: tier })
  }
}

/** What no change of its key has made old since it was asked for. */
function installable(source: GuardedTier, quests: readonly Quest[]): readonly Promotion[] {
  // The version of a source, and of a plain value, is a time: it cannot be compared with a change that is under way.
  const isSource = source.capabilities.readOnly === true || source.isRaw
  const allowed: Promotion[] = []
  for (const { ticket, best } of quests) {
    // protocol P1 reply-allowed: the key may have changed since the tier was asked
    if (best === undefined || !(isSource ? ticket.untouched : ticket.allows(best.entry.version))) continue
    allowed.push({ ticket, entry: best.entry })
  }
  return allowed
}

/** What comes from below the authority enters memory only once the authority has taken it; see `copyUp`. */
function isConfirmedAbove({ sharing, tiers }: Namespace, source: GuardedTier): boolean {
  const { shared, readOnly } = source.capabilities
  if (sharing?.authority === undefined || !shared || readOnly === true) return false
  return tiers.indexOf(source) > tiers.findIndex(({ name }) => name === sharing.tier)
}

function promote(
  { ns, policy }: Reader,
  promotions: readonly Promotion[],
  { from, to }: { readonly from: GuardedTier; readonly to: GuardedTier },
): void {
  // protocol P1 promotion-leased: what was read below may be invalidated before it arrives above
  if (to.name === ns.sharing?.tier)
    return copyUp(ns, { source: from, keys: promotions.map(({ ticket }) => ticket.key), policy })
  ns.stats.promotions += promotions.length
  for (const { entry } of promotions) ns.engine.versions.observe(entry.version)
  const records = promotions.map((promotion) => toRecord(ns, to, promotion))
  ns.engine.background.run('promotion', to.set(records, ns.prefix))
}

/** What this process alone holds may be older than a change it has not heard of yet: it serves this process only. */
function isOnlyHere({ sharing }: Namespace, source: GuardedTier, tier: GuardedTier): boolean {
  // protocol P1 local-stays: a tier of this process may not have heard of a change that the store has
  return sharing !== undefined && tier.capabilities.shared && !source.capabilities.shared
}

/** Other code may change a plain value: memory looks again after the ttl, though the value itself may live on. */
function shorten(entry: Entry, at: number): Entry {
  return entry.freshUntil <= at ? entry : { ...entry, freshUntil: at, usableUntil: at }
}

function fillMemory({ ns, policy }: Reader, promotions: readonly Promotion[]): number {
  const local = ns.localFor(policy)
  if (local === undefined) return 0
  let filled = 0
  for (const { ticket, entry } of promotions) {
    const held = local.space.find(ticket.key)
    // protocol P2 memory-newest: replies may overtake each other
    if (held !== undefined && held.version >= entry.version) continue
    const kept = ns.isRaw ? shorten(entry, ns.now() + policy.ttlMs) : entry
    if (keepInMemory(ns, local, { key: ticket.key, entry: kept, policy })) filled++
  }
  return filled
}

function toRecord(ns: Namespace, tier: GuardedTier, { ticket, entry }: Promotion): TierRecord {
  const key = ns.storageKey(ticket.key)
  const payload = tier.envelope.encodeValue(entry.value)
  return {
    key,
    bytes: tier.envelope.frame(key, shiftTimes(entry, tier.clockOffsetMs), payload),
    expiresAt: ns.endIn(tier.name, entry),
    version: entry.version,
    ifNotAfter: entry.version,
  }
}
