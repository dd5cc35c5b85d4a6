import { keyFamily } from 'tierwise/statistics'

import type { Bounds, NamespaceRules } from './policies.ts'
import type { RawItem, StoredEntry, StoredItem } from './stored-item.ts'

/** What an entry may do wrong. The first seven are the rules of governance, judged where entries lie. */
export const auditRules = [
  'license',
  'ttl-too-long',
  'key-format',
  'key-too-long',
  'tenant-missing',
  'value-too-large',
  'tier-not-allowed',
  'immortal',
  'unknown-namespace',
  'retired-version',
  'damaged',
  'foreign',
] as const

export type AuditRule = (typeof auditRules)[number]
export type RuleCounts = Partial<Record<AuditRule, number>>

/** What one tier holds of one namespace. */
export interface SpaceCount {
  entries: number
  /** As the store keeps them. */
  bytes: number
  /** Entries that have ended and are still there. */
  ended: number
  readonly broken: RuleCounts
}

export interface TierCount {
  /** Everything that was looked at. */
  items: number
  tombstones: number
  readonly broken: RuleCounts
  readonly namespaces: Map<string, SpaceCount>
}

export interface AuditOffender {
  readonly tier: string
  readonly namespace: string
  readonly rule: AuditRule
  /** The key up to its first `:` or `/`. */
  readonly family: string
  count: number
}

/** Clocks differ, and the end of a life is counted from an instant that another host took. */
const toleranceMs = 1000

/** Holds what lies in tiers against the rules, entry by entry, and keeps counts alone. */
export class Audit {
  readonly tiers = new Map<string, TierCount>()
  readonly #offenders = new Map<string, AuditOffender>()
  readonly #rulesOf: (namespace: string) => NamespaceRules
  readonly #now: number
  readonly #isStrict: boolean

  constructor(parts: {
    readonly rulesOf: (namespace: string) => NamespaceRules
    readonly now: number
    /** Whether namespaces that are not listed are refused. */
    readonly isStrict: boolean
  }) {
    this.#rulesOf = parts.rulesOf
    this.#now = parts.now
    this.#isStrict = parts.isStrict
  }

  begin(tier: string): TierCount {
    const count: TierCount = { items: 0, tombstones: 0, broken: {}, namespaces: new Map() }
    this.tiers.set(tier, count)
    return count
  }

  add(tier: string, item: StoredItem): void {
    const count = this.tiers.get(tier) ?? this.begin(tier)
    count.items++
    if (item.kind === 'entry') this.#addEntry(tier, item)
    else if (item.kind === 'raw') this.#addRaw(tier, item)
    else if (item.kind === 'tombstone') count.tombstones++
    else this.#blame(tier, { namespace: namespaceIn(item.storageKey), rule: item.kind, key: item.storageKey })
  }

  /** Most frequent first. */
  offenders(most: number): readonly AuditOffender[] {
    return [...this.#offenders.values()].toSorted((a, b) => b.count - a.count).slice(0, most)
  }

  #addEntry(tier: string, entry: StoredEntry): void {
    const [, version = '', namespace = ''] = entry.storageKey.split(':', 3)
    const key = entry.storageKey.slice(entry.storageKey.split(':', 3).join(':').length + 1)
    this.#count(tier, namespace, entry)
    const rules = this.#rulesOf(namespace)
    if (!rules.isListed && this.#isStrict) return this.#blame(tier, { namespace, rule: 'unknown-namespace', key })
    if (rules.version !== version) return this.#blame(tier, { namespace, rule: 'retired-version', key })
    for (const rule of brokenBy(entry, { key, rules, tier, now: this.#now }))
      this.#blame(tier, { namespace, rule, key })
  }

  #addRaw(tier: string, item: RawItem): void {
    this.#count(tier, item.namespace, item)
    const isEndless = item.endsAt === Infinity && !this.#rulesOf(item.namespace).boundsOf(item.key).mayBeEndless
    if (isEndless) this.#blame(tier, { namespace: item.namespace, rule: 'immortal', key: item.key })
  }

  #count(tier: string, namespace: string, { storedBytes, endsAt }: StoredEntry | RawItem): void {
    const space = this.#spaceOf(tier, namespace)
    space.entries++
    space.bytes += storedBytes
    if (endsAt <= this.#now) space.ended++
  }

  #spaceOf(tier: string, namespace: string): SpaceCount {
    const { namespaces } = this.tiers.get(tier) ?? this.begin(tier)
    const space = namespaces.get(namespace) ?? { entries: 0, bytes: 0, ended: 0, broken: {} }
    namespaces.set(namespace, space)
    return space
  }

  #blame(
    tier: string,
    { namespace, rule, key }: { readonly namespace: string; readonly rule: AuditRule; readonly key: string },
  ): void {
    const count = this.tiers.get(tier) ?? this.begin(tier)
    count.broken[rule] = (count.broken[rule] ?? 0) + 1
    if (rule !== 'foreign') {
      const { broken } = this.#spaceOf(tier, namespace)
      broken[rule] = (broken[rule] ?? 0) + 1
    }
    const family = keyFamily(key)
    const name = JSON.stringify([tier, namespace, rule, family])
    const offender = this.#offenders.get(name) ?? { tier, namespace, rule, family, count: 0 }
    offender.count++
    this.#offenders.set(name, offender)
  }
}

interface Judged {
  readonly key: string
  readonly rules: NamespaceRules
  readonly tier: string
  readonly now: number
}

interface Placed extends StoredEntry {
  /** Without its tenant. */
  readonly own: string
  readonly key: string
  readonly tier: string
}

type Breaks = (entry: Placed, bounds: Bounds) => boolean

const isOverCap: Breaks = ({ endsAt, createdAt }, { maxTtlMs }) => endsAt > createdAt + maxTtlMs + toleranceMs

const breaks: Readonly<Partial<Record<AuditRule, Breaks>>> = {
  license: (entry, bounds) => bounds.license !== undefined && isOverCap(entry, bounds),
  'ttl-too-long': (entry, bounds) => bounds.license === undefined && isOverCap(entry, bounds),
  immortal: ({ endsAt }, { maxTtlMs, mayBeEndless }) => endsAt === Infinity && maxTtlMs === Infinity && !mayBeEndless,
  'key-format': ({ own }, { keyFormats }) => keyFormats.some((format) => !format.test(own)),
  'key-too-long': ({ key }, { maxKeyLength }) => key.length > maxKeyLength,
  'value-too-large': ({ valueBytes }, { maxValueBytes }) => valueBytes > maxValueBytes,
  'tier-not-allowed': ({ tier }, { tiers }) => tiers !== undefined && !tiers.includes(tier),
}

/** Which rules an entry breaks that has not ended. */
function brokenBy(entry: StoredEntry, { key, rules, tier, now }: Judged): readonly AuditRule[] {
  if (entry.endsAt <= now) return []
  const colon = rules.hasTenants ? key.indexOf(':') : -1
  const own = key.slice(colon + 1)
  const bounds = rules.boundsOf(own)
  const broken = auditRules.filter((rule) => breaks[rule]?.({ ...entry, own, key, tier }, bounds) === true)
  return rules.hasTenants && colon < 1 ? ['tenant-missing', ...broken] : broken
}

/** The namespace of a key that may not be one of ours; empty when it has none. */
function namespaceIn(storageKey: string): string {
  return storageKey.split(':', 4).length === 4 ? (storageKey.split(':', 3)[2] ?? '') : ''
}
