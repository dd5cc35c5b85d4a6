import type { Entry, EntryHead } from '../contract/entry.ts'
import type { Random } from '../contract/runtime.ts'
import type { Policy } from './policy.ts'

export type Freshness = 'fresh' | 'stale' | 'dead'

export function freshness(entry: EntryHead, now: number): Freshness {
  if (now < entry.freshUntil) return 'fresh'
  return now < entry.usableUntil ? 'stale' : 'dead'
}

/** What an entry is made of besides its policy. */
export interface Birth {
  readonly version: number
  readonly now: number
  readonly tags: readonly string[]
  readonly tagClock: number
  readonly loadMs: number
  /** When the value itself came to be; earlier than `now` when an old value is renewed. */
  readonly createdAt?: number
}

/**
 * Gives a value its life: ttl with jitter, then grace, and both cut at the licence cap, which counts from the birth of
 * the value and not from its renewal.
 */
export function createEntry(
  value: unknown,
  birth: Birth,
  rules: { readonly policy: Policy; readonly random: Random },
): Entry {
  const { policy, random } = rules
  const createdAt = birth.createdAt ?? birth.now
  const cap = createdAt + policy.rules.maxTtlMs
  const ttlMs = policy.jitter === 0 ? policy.ttlMs : policy.ttlMs * (1 - policy.jitter * random())
  const freshUntil = Math.min(birth.now + ttlMs, cap)
  return {
    value,
    version: birth.version,
    createdAt,
    freshUntil,
    usableUntil: Math.min(freshUntil + policy.graceMs, Math.max(cap, freshUntil)),
    tags: birth.tags,
    tagClock: birth.tagClock,
    loadMs: birth.loadMs,
    sizeBytes: 0,
  }
}

/**
 * The instant from which a hit deserves a second look: the end of freshness, or earlier for refresh-ahead and for
 * early refresh.
 *
 * Early refresh is XFetch (Vattani, Chierichetti, Lowenstein: "Optimal Probabilistic Cache Stampede Prevention", VLDB
 * 2015): refresh when `now - loadMs * beta * ln(random) >= freshUntil`. The draw is made once, when the entry is
 * stored, instead of on each read, so a hit costs nothing; each process still draws its own.
 */
export function reviewTime(entry: EntryHead, policy: Policy, random: Random): number {
  let at = entry.freshUntil
  if (at === Infinity) return at
  if (policy.refreshAhead > 0) {
    // An entry that was renewed is older than its ttl is long.
    const ttlMs = Math.min(entry.freshUntil - entry.createdAt, policy.ttlMs)
    at = Math.min(at, entry.freshUntil - ttlMs * (1 - policy.refreshAhead))
  }
  if (policy.earlyRefresh > 0) {
    at = Math.min(at, entry.freshUntil + entry.loadMs * policy.earlyRefresh * Math.log(1 - random()))
  }
  return at
}

/**
 * The times of an entry by a clock that is so much ahead. In a store that processes share they are by the store's clock,
 * so that a process whose own clock is wrong neither revives nor loses what others have stored.
 */
export function shiftTimes<E extends EntryHead>(entry: E, offsetMs: number | undefined): E {
  if (offsetMs === undefined || offsetMs === 0) return entry
  return {
    ...entry,
    createdAt: entry.createdAt + offsetMs,
    freshUntil: entry.freshUntil + offsetMs,
    usableUntil: entry.usableUntil + offsetMs,
  }
}
