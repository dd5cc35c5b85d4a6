import type { Envelope } from '../contract/codec.ts'
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

/** The best that the tiers hold for a key: fresh if any tier is, else the stale entry that was born last. */
export interface Found {
  readonly entry: Entry
  readonly tier: string
  readonly isFresh: boolean
}

/**
 * Walks the tiers behind memory from the fastest down, one batch a tier, and stops for each key at the first fresh
 * entry. What is fresh fills the tiers above it, with the life it has left. Never rejects because of a tier.
 */
export async function readThrough(ns: Namespace, keys: readonly string[], policy: Policy): Promise<Map<string, Found>> {
  const found = new Map<string, Found>()
  const tickets = keys.map((key) => ns.tickets.open(key))
  try {
    let missing: readonly Ticket[] = tickets
    for (const tier of ns.tiersFor(policy)) {
      if (missing.length === 0) break
      const answers = await readTier(ns, tier, missing, policy)
      const fresh = missing.filter((ticket) => keepBest(found, ticket.key, answers.get(ticket.key)))
      fillAbove(ns, tier, fresh.map((ticket) => ({ ticket, entry: answers.get(ticket.key)!.entry })), policy)
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

async function readTier(ns: Namespace, tier: GuardedTier, tickets: readonly Ticket[], policy: Policy): Promise<Map<string, Found>> {
  const found = new Map<string, Found>()
  const keep = (key: string, entry: Entry): void => {
    const state = freshness(entry, ns.now())
    if (state === 'dead' || entry.version < policy.after || !ns.tags.accepts(entry)) return
    found.set(key, { entry, tier: tier.name, isFresh: state === 'fresh' })
  }
  const asked: string[] = []
  for (const { key } of tickets) {
    const pending = ns.engine.writeBehind.peek(tier.name, ns.storageKey(key))
    if (pending === undefined) asked.push(key)
    else keep(key, pending)
  }
  if (asked.length === 0) return found
  const storageKeys = asked.map((key) => ns.storageKey(key))
  const entries = await tier.get(storageKeys, (bytes, index) => decode(ns, tier, bytes, storageKeys[index] ?? ''))
  for (const [index, key] of asked.entries()) {
    const entry = entries[index]
    if (entry !== undefined && (await fitsSchema(ns, tier, key, entry))) keep(key, entry)
  }
  return found
}

/** A record that cannot be used is a miss and an event. */
function decode(ns: Namespace, tier: GuardedTier, bytes: Uint8Array, storageKey: string): Entry | undefined {
  try {
    return decodeEntry(ns, tier.envelope, bytes, storageKey)
  } catch (error) {
    const reason: BadRecordReason = error instanceof CacheError && error.code === 'ERR_CACHE_FORMAT_NEWER' ? 'newer-format' : 'damaged'
    ns.engine.emitter.emit({ type: 'bad-record', tier: tier.name, key: storageKey, reason, error })
    return undefined
  }
}

function decodeEntry(ns: Namespace, envelope: Envelope, bytes: Uint8Array, storageKey: string): Entry {
  const entry = envelope.decode(bytes, storageKey)
  // The cap of a licence may have been shortened since the entry was written.
  const cap = entry.createdAt + ns.policy.maxTtlMs
  const value = ns.policy.isolation === 'freeze' ? isolateIn(entry.value, 'freeze') : entry.value
  if (entry.usableUntil <= cap && value === entry.value) return entry
  return { ...entry, value, freshUntil: Math.min(entry.freshUntil, cap), usableUntil: Math.min(entry.usableUntil, cap) }
}

async function fitsSchema(ns: Namespace, tier: GuardedTier, key: string, entry: Entry): Promise<boolean> {
  const schema = ns.policy.schema
  if (schema === undefined) return true
  const verdict = schema['~standard'].validate(entry.value)
  const { issues } = verdict instanceof Promise ? await verdict : verdict
  if (issues === undefined) return true
  ns.engine.emitter.emit({ type: 'bad-record', tier: tier.name, key: ns.storageKey(key), reason: 'schema' })
  return false
}

/** An entry on its way up, and the ticket that was opened before it was asked for. */
interface Promotion {
  readonly ticket: Ticket
  readonly entry: Entry
}

/** Promotion: into memory at once, into the byte tiers between in the background. Neither if the key changed meanwhile. */
function fillAbove(ns: Namespace, source: GuardedTier, promotions: readonly Promotion[], policy: Policy): void {
  const allowed = promotions.filter(({ ticket, entry }) => ticket.allows(entry.version))
  if (allowed.length === 0) return
  ns.stats.promotions += fillMemory(ns, allowed, policy)
  const tiers = ns.tiersFor(policy)
  for (const tier of tiers.slice(0, tiers.indexOf(source))) {
    ns.stats.promotions += allowed.length
    ns.engine.background.run('promotion', tier.set(allowed.map(({ ticket, entry }) => promotionRecord(ns, tier, ticket.key, entry)), ns.prefix))
  }
}

function fillMemory(ns: Namespace, promotions: readonly Promotion[], policy: Policy): number {
  const local = ns.localFor(policy)
  if (local === undefined) return 0
  let filled = 0
  for (const { ticket, entry } of promotions) {
    const held = local.space.find(ticket.key)
    if (held !== undefined && held.version >= entry.version) continue
    if (local.space.set(ticket.key, entry, reviewTime(entry, policy, ns.engine.runtime.random))) filled++
  }
  return filled
}

function promotionRecord(ns: Namespace, tier: GuardedTier, key: string, entry: Entry): TierRecord {
  const storageKey = ns.storageKey(key)
  return {
    key: storageKey,
    bytes: tier.envelope.frame(storageKey, entry, tier.envelope.encodeValue(entry.value)),
    expiresAt: entry.usableUntil,
    version: entry.version,
    ifNotAfter: entry.version,
  }
}
