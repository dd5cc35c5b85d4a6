import type {
  Coherence,
  GovernanceMode,
  Isolation,
  LifeOptions,
  LoadOptions,
  ReadOptions,
  WriteMode,
  WriteOptions,
} from '../contract/options.ts'
import type { StandardSchema } from '../contract/schema.ts'
import {
  boolean,
  duration,
  lifetime,
  numberIn,
  oneOf,
  optionError,
  orOff,
  readOptions,
  shaped,
  texts,
  unknownName,
} from '../base/option-reader.ts'
import type { OptionTable } from '../base/option-reader.ts'
import type { Breach } from '../governance/governor.ts'
import type { RuleSet } from '../governance/rule-set.ts'
import { boundTtl } from '../governance/ttl-bounds.ts'
import { refuseRawCall } from './raw/raw-policy.ts'
import type { RawPolicy } from './raw/raw-policy.ts'

/** Options after merging, each with a value. `Infinity` is no deadline, 0 is off. */
export interface Policy {
  readonly ttlMs: number
  readonly graceMs: number
  readonly graceBackoffMs: number
  readonly softTimeoutMs: number
  readonly hardTimeoutMs: number
  readonly refreshAhead: number
  readonly earlyRefresh: number
  readonly jitter: number
  readonly negativeTtlMs: number
  readonly writeMode: WriteMode
  readonly tags: readonly string[]
  /** Names of the tiers in play; undefined for all of the namespace. */
  readonly tiers: readonly string[] | undefined
  /** What is allowed for the key. */
  readonly rules: RuleSet
  /** Rules that the call itself breaks. */
  readonly breaches: readonly OptionBreach[]
  /** The call has asked for a ttl of its own. */
  readonly overridesTtl: boolean
  readonly forceFresh: boolean
  /** Nothing older than this version will do; 0 for anything. */
  readonly after: number
  /** The version of the source that a written value is of; undefined for one that is not older than any fence. */
  readonly sourceVersion: number | undefined
}

/** What instances promise each other, each with a value. */
export interface CoherencePolicy {
  /** Undefined for what the chain can do. */
  readonly coherence: Coherence | undefined
  readonly maxStalenessMs: number
  readonly leaseMs: number
  readonly holdMs: number
  readonly sourceLagMs: number
}

/** The policy of a namespace: what its calls start from, and what holds for all of them. */
export interface NamespacePolicy extends Policy, CoherencePolicy {
  readonly name: string
  readonly aliases: readonly string[]
  readonly mode: GovernanceMode
  /** Policies of some of the keys; the first that fits holds. */
  readonly keyRules: readonly KeyPolicy[]
  /** Whether every key begins with a tenant. */
  readonly hasTenants: boolean
  /** What memory has no room for goes to the next tier of this process. */
  readonly demotion: boolean
  /** Whether a call fails that a tier could not answer. */
  readonly failsClosed: boolean
  /** How long an entry stays in a tier, by its name; the others keep it to the end of its life. */
  readonly tierTtlMs: ReadonlyMap<string, number>
  readonly adaptiveTtl: { readonly minMs: number; readonly maxMs: number } | undefined
  readonly version: string
  readonly schema: StandardSchema | undefined
  readonly isolation: Isolation
  readonly maxBytes: number | undefined
  readonly maxEntries: number | undefined
  readonly reservedBytes: number | undefined
  /** Set when it keeps plain keys and plain values. */
  readonly raw: RawPolicy | undefined
}

/** The policy of the keys that fit. */
export interface KeyPolicy {
  /** Asked for a key without its tenant. */
  readonly fits: (key: string) => boolean
  readonly policy: NamespacePolicy
}

/** A breach, and whether the call is to fail for it. */
export interface OptionBreach extends Breach {
  readonly isRefused: boolean
}

export type Life = Pick<
  Policy,
  | 'ttlMs'
  | 'graceMs'
  | 'graceBackoffMs'
  | 'softTimeoutMs'
  | 'hardTimeoutMs'
  | 'refreshAhead'
  | 'earlyRefresh'
  | 'jitter'
  | 'negativeTtlMs'
  | 'writeMode'
>

/** What an option is when nobody sets it. The reference page is made from this table. */
export const defaultLife: Life = {
  ttlMs: 300_000,
  graceMs: 0,
  graceBackoffMs: 10_000,
  softTimeoutMs: Infinity,
  hardTimeoutMs: Infinity,
  refreshAhead: 0,
  earlyRefresh: 0,
  jitter: 0,
  negativeTtlMs: 0,
  writeMode: 'through',
}

/** The options of a life, read: milliseconds, shares, and 0 or `Infinity` for what is off. */
type ReadLife = { readonly [K in keyof Required<LifeOptions>]: K extends 'writeMode' ? WriteMode : number }

const share = numberIn({ min: 0, max: 1, open: true })

export const lifeTable: OptionTable<ReadLife> = {
  ttl: lifetime,
  grace: orOff(duration, 0),
  graceBackoff: duration,
  softTimeout: orOff(duration, Infinity),
  hardTimeout: orOff(duration, Infinity),
  refreshAhead: orOff(share, 0),
  earlyRefresh: orOff(numberIn({ min: 0, max: 10, open: true }), 0),
  jitter: numberIn({ min: 0, max: 1 }),
  negativeTtl: orOff(duration, 0),
  writeMode: oneOf('through', 'behind', 'around'),
}

const isSignal = (raw: unknown): raw is AbortSignal => raw instanceof AbortSignal

const token = (raw: unknown, path: string): number => {
  const version = typeof raw === 'string' && /^[0-9a-z]{1,11}$/.test(raw) ? Number.parseInt(raw, 36) : NaN
  if (!Number.isSafeInteger(version)) throw optionError(path, raw, 'the `token` of a write')
  return version
}

/** Reads the version of a source. */
export const sourceVersion = (raw: unknown, path: string): number => {
  if (typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0) return raw
  throw optionError(path, raw, 'a whole number from 0 to 2^53 - 1')
}

const callTables = {
  read: { tiers: texts, after: token, signal: shaped('an AbortSignal', isSignal) } satisfies OptionTable<
    Record<keyof ReadOptions, unknown>
  >,
  write: {
    ttl: lifeTable.ttl,
    grace: lifeTable.grace,
    jitter: lifeTable.jitter,
    writeMode: lifeTable.writeMode,
    tiers: texts,
    tags: texts,
    sourceVersion,
  } satisfies OptionTable<Record<keyof WriteOptions, unknown>>,
  load: {
    ...lifeTable,
    tiers: texts,
    after: token,
    signal: shaped('an AbortSignal', isSignal),
    tags: texts,
    forceFresh: boolean,
  } satisfies OptionTable<Record<keyof LoadOptions, unknown>>,
} as const

/** Which verbs a call belongs to; each takes other options. */
export type CallKind = 'read' | 'write' | 'load'

/** Options that were given, each read. */
export type Resolved = Partial<Record<string, unknown>>

/** The policy of one call. */
export function resolveCall(
  base: NamespacePolicy,
  call: { kind: CallKind; options: object; tierNames: readonly string[] },
): Policy {
  const own: Resolved = readOptions(call.options, 'options', callTables[call.kind] as OptionTable<Resolved>)
  if (base.raw !== undefined) refuseRawCall(own)
  const tags = own['tags'] as readonly string[] | undefined
  const merged: Policy = {
    ...life(base, own),
    tags: tags === undefined ? base.tags : Object.freeze([...new Set([...base.tags, ...tags])]),
    tiers: (own['tiers'] as readonly string[] | undefined) ?? base.tiers,
    rules: base.rules,
    breaches: [],
    overridesTtl: false,
    forceFresh: own['forceFresh'] === true,
    after: (own['after'] as number | undefined) ?? 0,
    sourceVersion: own['sourceVersion'] as number | undefined,
  }
  checkTiers(merged.tiers, 'options.tiers', call.tierNames)
  const allowed = inAllowedTiers(base, merged)
  return Object.freeze('ttl' in own ? withTtl(base, merged.ttlMs, allowed) : allowed)
}

/** Tiers that a rule leaves out are a breach; where rules are enforced they are not read either. */
function inAllowedTiers(base: NamespacePolicy, policy: Policy): Policy {
  const { tiers } = base.rules
  const forbidden = policy.tiers?.filter((tier) => tiers?.includes(tier) === false) ?? []
  if (forbidden.length === 0) return policy
  const breach: OptionBreach = {
    rule: 'tier-not-allowed',
    detail: `names the tier ${forbidden.join(', ')}, and only ${tiers?.join(', ')} may be used`,
    isRefused: true,
  }
  const left = policy.tiers?.filter((tier) => !forbidden.includes(tier))
  return {
    ...policy,
    breaches: [...policy.breaches, breach],
    ...(base.mode === 'enforce' && left !== undefined && { tiers: left }),
  }
}

/** The policy with a ttl that was asked for: within its bounds, and with what was wrong about it. */
export function withTtl<P extends Policy>(base: NamespacePolicy, asked: number, policy: P): P {
  const { ttlMs, breach } = boundTtl(asked, base.rules, base.mode)
  const breaches =
    breach === undefined
      ? policy.breaches
      : [...policy.breaches, { ...breach, isRefused: base.rules.ttlBounds === 'reject' }]
  return { ...policy, ttlMs, breaches, overridesTtl: true }
}

/** The policy of a key: that of the first rule it fits, else that of the namespace. */
export function policyOfKey(base: NamespacePolicy, key: string): NamespacePolicy {
  if (base.keyRules.length === 0) return base
  const bare = bareKey(base, key)
  return base.keyRules.find(({ fits }) => fits(bare))?.policy ?? base
}

/** The key without its tenant. */
export function bareKey({ hasTenants }: NamespacePolicy, key: string): string {
  return hasTenants ? key.slice(key.indexOf(':') + 1) : key
}

/** Reads the argument of `setTtl` and `touch`. */
export function readTtl(raw: unknown): number {
  return lifetime(raw, 'ttl')
}

const lifeNames = {
  ttl: 'ttlMs',
  grace: 'graceMs',
  graceBackoff: 'graceBackoffMs',
  softTimeout: 'softTimeoutMs',
  hardTimeout: 'hardTimeoutMs',
  negativeTtl: 'negativeTtlMs',
} as const

/** A life with what was given laid over it. */
export function life(base: Life, own: Resolved): Life {
  const merged: Record<string, unknown> = { ...pick(base as unknown as Resolved, Object.keys(defaultLife)) }
  for (const name of Object.keys(lifeTable)) {
    const target = name in lifeNames ? lifeNames[name as keyof typeof lifeNames] : name
    if (name in own) merged[target] = own[name]
  }
  return merged as unknown as Life
}

export function pick(from: Resolved, names: readonly string[]): Resolved {
  return Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]))
}

export function checkTiers(tiers: readonly string[] | undefined, path: string, known: readonly string[]): void {
  if (tiers === undefined) return
  if (tiers.length === 0) throw optionError(path, tiers, 'a list with at least one tier')
  for (const [index, tier] of tiers.entries()) {
    if (!known.includes(tier)) throw unknownName(`${path}[${index}]: ${tier}`, tier, known)
  }
}
