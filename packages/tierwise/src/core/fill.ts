import type { Entry } from '../contract/entry.ts'
import { createEntry } from './entry.ts'
import type { Flight } from './flight.ts'
import { isolateIn } from './isolation.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import { fillShared } from './fleet/shared-fill.ts'
import { encode, leaveOut, storeIn, storeInMemory } from './store.ts'
import type { Encoded } from './store.ts'

/** What a loader brought for a flight, and how it is to be kept. */
export interface Loaded {
  readonly flight: Flight
  readonly value: unknown
  readonly policy: Policy
  readonly tags: readonly string[]
  /** The tag clock as it was before the loader started. */
  readonly tagClock: number
  readonly loadMs: number
  /** When the loader was started, in epoch milliseconds. */
  readonly readAt: number
  /** When the value came to be, where the source has only confirmed an old one. @default now */
  readonly createdAt?: number | undefined
  /** What the loader says of the version of its source. */
  readonly sourceVersion?: number | undefined
}

/**
 * Stores loaded values of flights that still may: nothing changed their keys since they started. Resolves once a reader
 * finds the values: at once when memory took them all, otherwise when the tiers have. Returns the flights that stored.
 */
export async function fill(ns: Namespace, batch: readonly Loaded[]): Promise<ReadonlySet<Flight>> {
  const { sharing } = ns
  if (sharing?.authority === undefined) return fillAlone(ns, batch)
  return fillShared(
    ns,
    sharing,
    batch.map((loaded) => ({ loaded, entry: toEntry(ns, loaded, 0) })),
  )
}

async function fillAlone(ns: Namespace, batch: readonly Loaded[]): Promise<ReadonlySet<Flight>> {
  const allowed = batch.filter(({ flight }) => ns.flights.mayStore(flight))
  ns.stats.rejectedFills += batch.length - allowed.length
  const entries = allowed.map((loaded) => ({ loaded, entry: toEntry(ns, loaded, ns.engine.versions.nextVersion()) }))
  for (const { loaded, entry } of entries) noteFill(ns, loaded.flight.key, entry)
  const inMemory = entries.filter(({ loaded, entry }) =>
    storeInMemory(ns, { key: loaded.flight.key, entry }, loaded.policy),
  ).length
  const policy = allowed[0]?.policy
  if (policy !== undefined && ns.tiers.length > 0) {
    const stored = fillTiers(ns, encodeAll(ns, entries), policy)
    if (inMemory === entries.length) ns.engine.background.run('fill', stored)
    else await stored
  }
  return new Set(allowed.map(({ flight }) => flight))
}

function toEntry(ns: Namespace, loaded: Loaded, version: number): Entry {
  const { tags, tagClock, loadMs, createdAt } = loaded
  const now = ns.now()
  const birth = { version, now, createdAt: createdAt ?? now, tags, tagClock, loadMs }
  return createEntry(isolateIn(loaded.value, ns.policy.isolation), birth, {
    policy: loaded.policy,
    random: ns.engine.runtime.random,
  })
}

/** What was read of the key before is older now, and what was remembered of its failures no longer true. */
function noteFill(ns: Namespace, key: string, entry: Entry): void {
  ns.tickets.mark(key, entry.version)
  ns.failures.forget(key)
}

/** A value that cannot be encoded stays in memory only; its callers still get it, and no tier may keep an older one. */
function encodeAll(ns: Namespace, entries: readonly { loaded: Loaded; entry: Entry }[]): readonly Encoded[] {
  const encoded: Encoded[] = []
  for (const { loaded, entry } of entries) {
    try {
      encoded.push({ ...encode(ns, loaded.flight.key, entry), ifNotAfter: loaded.flight.base })
    } catch (error) {
      ns.engine.emitter.emit({ type: 'background-error', work: 'fill', error })
      const storageKey = ns.storageKey(loaded.flight.key)
      for (const tier of ns.tiers) ns.engine.background.run('fill', tier.delete([storageKey], ns.prefix, entry.version))
    }
  }
  return encoded
}

async function fillTiers(ns: Namespace, batch: readonly Encoded[], policy: Policy): Promise<void> {
  if (batch.length === 0) return
  const chosen = ns.tiersFor(policy)
  for (const { key } of batch) ns.filling.add(key)
  try {
    await Promise.all(
      ns.tiers.map((tier) =>
        chosen.includes(tier) ? storeIn(ns, tier, { batch, mode: policy.writeMode }) : leaveOut(ns, tier, batch),
      ),
    )
  } finally {
    for (const { key } of batch) ns.filling.remove(key)
  }
}
