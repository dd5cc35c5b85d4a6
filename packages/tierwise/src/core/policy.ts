import type {
  Coherence,
  CoherenceOptions,
  Isolation,
  LifeOptions,
  LoadOptions,
  NamespaceOptions,
  ReadOptions,
  WriteMode,
  WriteOptions,
} from '../contract/options.ts'
import type { StandardSchema } from '../contract/schema.ts'
import {
  duration,
  lifetime,
  numberIn,
  oneOf,
  optionError,
  orOff,
  positiveInteger,
  readOptions,
  shaped,
  size,
  text,
  texts,
  unknownName,
  boolean,
} from '../base/option-reader.ts'
import type { OptionTable } from '../base/option-reader.ts'
import { ConfigError, LicenseViolationError } from '../errors.ts'
import { isNamePart } from './key.ts'
import { rawOptions, refuseRawCall, resolveRaw } from './raw/raw-policy.ts'
import type { RawContext, RawPolicy } from './raw/raw-policy.ts'

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
  readonly maxTtlMs: number
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
  readonly license: string | undefined
  readonly version: string
  readonly schema: StandardSchema | undefined
  readonly isolation: Isolation
  readonly maxBytes: number | undefined
  readonly maxEntries: number | undefined
  readonly reservedBytes: number | undefined
  /** Set when it keeps plain keys and plain values. */
  readonly raw: RawPolicy | undefined
}

type Life = Pick<
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

const share = numberIn({ min: 0, max: 1, open: true })

const lifeTable = {
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
} satisfies OptionTable<Record<keyof LifeOptions, unknown>>

/** Below two rounds of the bus a proof would run out before the next one is there. */
const leastStalenessMs = 2000

const staleness = (raw: unknown, path: string): number => {
  const ms = duration(raw, path)
  if (ms < leastStalenessMs) throw optionError(path, raw, 'a duration of at least 2 seconds')
  return ms
}

const coherenceTable = {
  coherence: oneOf('off', 'eventual', 'bounded'),
  maxStaleness: staleness,
  lease: duration,
  mutateTimeout: duration,
  sourceLag: orOff(duration, 0),
} satisfies OptionTable<Record<keyof CoherenceOptions, unknown>>

const isSchema = (raw: unknown): raw is StandardSchema =>
  (typeof raw === 'object' || typeof raw === 'function') && raw !== null && '~standard' in raw

const isSignal = (raw: unknown): raw is AbortSignal => raw instanceof AbortSignal

const token = (raw: unknown, path: string): number => {
  const version = typeof raw === 'string' && /^[0-9a-z]{1,11}$/.test(raw) ? Number.parseInt(raw, 36) : NaN
  if (!Number.isSafeInteger(version)) throw optionError(path, raw, 'the `token` of a write')
  return version
}

const namespaceTable = {
  ...lifeTable,
  ...coherenceTable,
  tiers: texts,
  aliases: texts,
  maxTtl: duration,
  license: text,
  version: (raw: unknown, path: string): string => {
    const version = typeof raw === 'string' || Number.isFinite(raw) ? String(raw) : ''
    if (!isNamePart(version)) throw optionError(path, raw, 'a number or a text of letters, digits, `_`, `-` and `.`')
    return version
  },
  schema: shaped('a Standard Schema (zod, valibot, arktype)', isSchema),
  isolation: oneOf('share', 'freeze', 'clone'),
  maxBytes: size,
  maxEntries: positiveInteger,
  reservedBytes: size,
  tags: texts,
  raw: rawOptions,
} satisfies OptionTable<Record<keyof NamespaceOptions, unknown>>

const defaultsTable = { ...lifeTable, ...coherenceTable, isolation: namespaceTable.isolation }

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

type Resolved = Partial<Record<string, unknown>>

/** What a policy is resolved against: the chain and the defaults of the manager. */
export interface PolicyContext extends RawContext {
  readonly defaults: unknown
  readonly tierNames: readonly string[]
}

/** Merges the manager's defaults and a namespace's options, once. Throws a `ConfigError` at the first wrong one. */
export function resolveNamespace(name: string, options: unknown, context: PolicyContext): NamespacePolicy {
  const path = `namespaces.${name}`
  const defaults: Resolved = readOptions(context.defaults, 'defaults', defaultsTable)
  const own: Resolved = readOptions(options, path, namespaceTable)
  const policy: NamespacePolicy = {
    ...life(life(defaultLife, defaults), own),
    name,
    maxTtlMs: Infinity,
    forceFresh: false,
    after: 0,
    sourceVersion: undefined,
    tags: [],
    tiers: undefined,
    aliases: [],
    license: undefined,
    version: '1',
    schema: undefined,
    isolation: 'share',
    maxBytes: undefined,
    maxEntries: undefined,
    reservedBytes: undefined,
    raw: undefined,
    ...coherenceOf(defaults, own),
    ...pick(defaults, ['isolation']),
    ...pick(own, [
      'tags',
      'tiers',
      'aliases',
      'license',
      'version',
      'schema',
      'isolation',
      'maxBytes',
      'maxEntries',
      'reservedBytes',
    ]),
    ...('maxTtl' in own ? { maxTtlMs: own['maxTtl'] as number } : {}),
  }
  checkTiers(policy.tiers, `${path}.tiers`, context.tierNames)
  if ('raw' in own) return Object.freeze(rawPolicy(policy, resolveRaw(name, own, context)))
  if (policy.license !== undefined && policy.maxTtlMs === Infinity) {
    throw new ConfigError(
      `\`${path}.license\` needs \`${path}.maxTtl\`: how long the licence allows a value to be kept.`,
      {
        code: 'ERR_CACHE_OPTION',
        namespace: name,
      },
    )
  }
  // A default longer than the cap is cut; a ttl the namespace itself asks for must fit its licence.
  return Object.freeze(
    'ttl' in own
      ? withTtl(policy, policy.ttlMs, policy)
      : { ...policy, ttlMs: Math.min(policy.ttlMs, policy.maxTtlMs) },
  )
}

/** What an option is when nobody sets it. The reference page is made from this table. */
export const defaultCoherence: CoherencePolicy = {
  coherence: undefined,
  maxStalenessMs: 5000,
  leaseMs: 10_000,
  holdMs: 30_000,
  sourceLagMs: 0,
}

function coherenceOf(...levels: readonly Resolved[]): CoherencePolicy {
  let policy = defaultCoherence
  for (const { coherence, maxStaleness, lease, mutateTimeout, sourceLag } of levels as readonly Partial<
    Record<keyof CoherenceOptions, never>
  >[])
    policy = {
      coherence: coherence ?? policy.coherence,
      maxStalenessMs: maxStaleness ?? policy.maxStalenessMs,
      leaseMs: lease ?? policy.leaseMs,
      holdMs: mutateTimeout ?? policy.holdMs,
      sourceLagMs: sourceLag ?? policy.sourceLagMs,
    }
  return policy
}

/** What the defaults of the manager say beyond what plain values can keep is left out. */
function rawPolicy(policy: NamespacePolicy, raw: Pick<NamespacePolicy, 'raw' | 'tiers'>): NamespacePolicy {
  const writeMode = policy.writeMode === 'behind' ? 'through' : policy.writeMode
  return { ...policy, ...raw, graceMs: 0, writeMode }
}

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
    maxTtlMs: base.maxTtlMs,
    forceFresh: own['forceFresh'] === true,
    after: (own['after'] as number | undefined) ?? 0,
    sourceVersion: own['sourceVersion'] as number | undefined,
  }
  checkTiers(merged.tiers, 'options.tiers', call.tierNames)
  return Object.freeze('ttl' in own ? withTtl(base, merged.ttlMs, merged) : merged)
}

/** The policy with another ttl: cut at `maxTtl`, or a `LicenseViolationError` where a licence sets it. */
export function withTtl<P extends Policy>(base: NamespacePolicy, ttlMs: number, policy: P): P {
  if (base.license !== undefined && ttlMs > base.maxTtlMs) {
    throw new LicenseViolationError(
      `A ttl of ${ttlMs} ms is longer than the licence \`${base.license}\` of namespace \`${base.name}\` allows: at most ${base.maxTtlMs} ms.`,
      { licenseSource: base.license, requestedTtlMs: ttlMs, maxAllowedTtlMs: base.maxTtlMs },
      { namespace: base.name },
    )
  }
  return { ...policy, ttlMs: Math.min(ttlMs, base.maxTtlMs) }
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

function life(base: Life, own: Resolved): Life {
  const merged: Record<string, unknown> = { ...pick(base as unknown as Resolved, Object.keys(defaultLife)) }
  for (const name of Object.keys(lifeTable)) {
    const target = name in lifeNames ? lifeNames[name as keyof typeof lifeNames] : name
    if (name in own) merged[target] = own[name]
  }
  return merged as unknown as Life
}

function pick(from: Resolved, names: readonly string[]): Resolved {
  return Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]))
}

function checkTiers(tiers: readonly string[] | undefined, path: string, known: readonly string[]): void {
  if (tiers === undefined) return
  if (tiers.length === 0) throw optionError(path, tiers, 'a list with at least one tier')
  for (const [index, tier] of tiers.entries()) {
    if (!known.includes(tier)) throw unknownName(`${path}[${index}]: ${tier}`, tier, known)
  }
}
