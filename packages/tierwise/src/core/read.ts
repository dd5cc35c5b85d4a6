import type { Entry } from '../contract/entry.ts'
import type { BadRecordReason } from '../contract/events.ts'
import type { TierRecord } from '../contract/tier.ts'
import { CacheError } from '../errors.ts'
import { freshness, reviewTime } from './entry.ts'
import type { GuardedTier } from './guarded-tier.ts'
import { isolateIn } from './isolation.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import type { Ticket } from './tickets.ts'

/** The best that the tiers hold for a key: fresh if any tier is, else the newest stale entry. */
export interface Found {
  readonly entry: Entry
  readonly tier: string
  readonly isFresh: boolean
}

/** Who reads, and by which rules. */
interface Reader {
  readonly ns: Namespace
  readonly policy: Policy
}

/** An entry on its way up, and the ticket that was opened before it was asked for. */
interface Promotion {
  readonly ticket: Ticket
  readonly entry: Entry
}

/**
 * Walks the tiers behind memory from the fastest down, one batch a tier, and stops for each key at the first fresh
 * entry. What is fresh fills the tiers above it, with the life it has left. Never rejects because of a tier.
 */
export async function readThrough(ns: Namespace, keys: readonly string[], policy: Policy): Promise<Map<string, Found>> {
  const reader = { ns, policy }
  const found = new Map<string, Found>()
  const tickets = keys.map((key) => ns.tickets.open(key))
  try {
    let missing: readonly Ticket[] = tickets
    for (const tier of ns.tiersFor(policy)) {
      if (missing.length === 0) break
      const answers = await readTier(
        reader,
        tier,
        missing.map(({ key }) => key),
      )
      const fresh = missing.filter((ticket) => keepBest(found, ticket.key, answers.get(ticket.key)))
      fillAbove(
        reader,
        tier,
        fresh.map((ticket) => ({ ticket, entry: answers.get(ticket.key)!.entry })),
      )
      missing = missing.filter((ticket) => found.get(ticket.key)?.isFresh !== true)
    }
    return found
  } finally {
    for (const ticket of tickets) ns.tickets.close(ticket)
  }
}

/** Keeps a stale entry only until something better turns up; true when the answer is fresh. */
function keepBest(found: Map<string, Found>, key: string, answer: Found | undefined): boolean {
  if (answer === undefined) return false
  const held = found.get(key)
  if (held === undefined || answer.isFresh || answer.entry.version > held.entry.version) found.set(key, answer)
  return answer.isFresh
}

async function readTier(reader: Reader, tier: GuardedTier, keys: readonly string[]): Promise<Map<string, Found>> {
  const { ns, policy } = reader
  const found = new Map<string, Found>()
  for (const [key, entry] of await heldEntries(ns, tier, keys)) {
    const state = freshness(entry, ns.now())
    if (state === 'dead' || entry.version < policy.after || !ns.tags.accepts(entry)) continue
    found.set(key, { entry, tier: tier.name, isFresh: state === 'fresh' })
  }
  return found
}

/** What the tier holds or is about to be given, decoded; entries that no longer fit the schema are left out. */
async function heldEntries(ns: Namespace, tier: GuardedTier, keys: readonly string[]): Promise<Map<string, Entry>> {
  const held = new Map<string, Entry>()
  const asked: string[] = []
  for (const key of keys) {
    const pending = ns.engine.writeBehind.peek(tier.name, ns.storageKey(key))
    if (pending === undefined) asked.push(key)
    else held.set(key, pending)
  }
  if (asked.length === 0) return held
  const decode = decoder(ns, tier)
  const storageKeys = asked.map((key) => ns.storageKey(key))
  const tagClock = ns.tags.now
  const entries = await tier.get(storageKeys, (bytes, index) => decode(bytes, storageKeys[index] ?? ''))
  for (const [index, key] of asked.entries()) {
    const answer = entries[index]
    if (answer === undefined) continue
    // A source has heard of every clear itself, and knows no tag clock.
    const entry = tier.capabilities.readOnly === true ? { ...answer, tagClock } : answer
    if (await fitsSchema(ns, entry)) held.set(key, entry)
    else ns.engine.emitter.emit({ type: 'bad-record', tier: tier.name, key: ns.storageKey(key), reason: 'schema' })
  }
  return held
}

/** A record that cannot be used is a miss and an event. */
function decoder(ns: Namespace, tier: GuardedTier): (bytes: Uint8Array, storageKey: string) => Entry | undefined {
  return (bytes, storageKey) => {
    try {
      return adopt(ns, tier.envelope.decode(bytes, storageKey))
    } catch (error) {
      const isNewer = error instanceof CacheError && error.code === 'ERR_CACHE_FORMAT_NEWER'
      const reason: BadRecordReason = isNewer ? 'newer-format' : 'damaged'
      ns.engine.emitter.emit({ type: 'bad-record', tier: tier.name, key: storageKey, reason, error })
      return undefined
    }
  }
}

/** Puts a decoded entry under the rules of the namespace: the cap of a licence may have been shortened since it was written. */
function adopt(ns: Namespace, entry: Entry): Entry {
  if (ns.policy.isolation === 'freeze') isolateIn(entry.value, 'freeze')
  const cap = entry.createdAt + ns.policy.maxTtlMs
  if (entry.usableUntil <= cap) return entry
  return { ...entry, freshUntil: Math.min(entry.freshUntil, cap), usableUntil: cap }
}

async function fitsSchema(ns: Namespace, entry: Entry): Promise<boolean> {
  const { schema } = ns.policy
  if (schema === undefined) return true
  try {
    const verdict = schema['~standard'].validate(entry.value)
    const { issues } = verdict instanceof Promise ? await verdict : verdict
    return issues === undefined
  } catch {
    // A schema that throws at an old value has not accepted it.
    return false
  }
}

/** Promotion: into memory at once, into the byte tiers between in the background. Neither if the key changed meanwhile. */
function fillAbove(reader: Reader, source: GuardedTier, promotions: readonly Promotion[]): void {
  const { ns, policy } = reader
  // The version of a source, and of a plain value, is a time: it cannot be compared with a change that is under way.
  const isSource = source.capabilities.readOnly === true || source.isRaw
  const allowed = promotions.filter(({ ticket, entry }) => (isSource ? ticket.untouched : ticket.allows(entry.version)))
  if (allowed.length === 0) return
  ns.stats.promotions += fillMemory(reader, allowed)
  const tiers = ns.tiersFor(policy)
  for (const tier of tiers.slice(0, tiers.indexOf(source))) {
    if (tier.capabilities.readOnly === true) continue
    ns.stats.promotions += allowed.length
    ns.engine.background.run(
      'promotion',
      tier.set(
        allowed.map((promotion) => toRecord(ns, tier, promotion)),
        ns.prefix,
      ),
    )
  }
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
    if (held !== undefined && held.version >= entry.version) continue
    const kept = ns.isRaw ? shorten(entry, ns.now() + policy.ttlMs) : entry
    if (local.space.set(ticket.key, kept, reviewTime(kept, policy, ns.engine.runtime.random))) filled++
  }
  return filled
}

function toRecord(ns: Namespace, tier: GuardedTier, { ticket, entry }: Promotion): TierRecord {
  const key = ns.storageKey(ticket.key)
  const bytes = tier.envelope.frame(key, entry, tier.envelope.encodeValue(entry.value))
  return { key, bytes, expiresAt: entry.usableUntil, version: entry.version, ifNotAfter: entry.version }
}
