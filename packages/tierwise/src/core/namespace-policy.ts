import { compileGlob } from '../base/glob.ts'
import { unknownName } from '../base/option-reader.ts'
import type { CoherenceOptions } from '../contract/options.ts'
import { ConfigError, LicenseViolationError } from '../errors.ts'
import { narrow, noRules } from '../governance/rule-set.ts'
import type { GivenRules, RuleSet } from '../governance/rule-set.ts'
import { readDefaults, readNamespace } from './namespace-options.ts'
import type { GivenGovernance } from './namespace-options.ts'
import { checkTiers, defaultLife, life, pick } from './policy.ts'
import type { CoherencePolicy, KeyPolicy, Life, NamespacePolicy, Resolved } from './policy.ts'
import { resolveRaw } from './raw/raw-policy.ts'
import type { RawContext } from './raw/raw-policy.ts'
import { refuseMarked } from './tenants/tenant-tags.ts'

/** What a policy is resolved against: the chain and the defaults of the manager. */
export interface PolicyContext extends RawContext {
  readonly defaults: unknown
  readonly tierNames: readonly string[]
  /** Names of the tiers that what memory gives up may go to. @default none */
  readonly demotionTiers?: readonly string[]
  /** @default rules are enforced, and there are no data classes */
  readonly governance?: GivenGovernance
}

const noGovernance: GivenGovernance = { mode: 'enforce', dataClasses: new Map() }

/** Merges the manager's defaults, a data class and a namespace's options, once. Throws a `ConfigError` at the first wrong one. */
export function resolveNamespace(name: string, options: unknown, context: PolicyContext): NamespacePolicy {
  const path = `namespaces.${name}`
  const { mode } = context.governance ?? noGovernance
  const defaults = readDefaults(context.defaults)
  const own = readNamespace(options, path)
  checkTiers(own['tiers'] as readonly string[] | undefined, `${path}.tiers`, context.tierNames)
  const level = layOn({ life: life(defaultLife, defaults), rules: noRules }, own, { path, context })
  const policy: NamespacePolicy = {
    ...level.life,
    name,
    mode,
    rules: level.rules,
    breaches: [],
    overridesTtl: false,
    keyRules: [],
    hasTenants: own['tenant'] === 'required',
    demotion: own['demotion'] === true,
    failsClosed: own['failure'] === 'closed',
    adaptiveTtl: undefined,
    tierTtlMs: tierTtlOf(defaults, own, { path, context }),
    forceFresh: false,
    after: 0,
    sourceVersion: undefined,
    tags: [],
    tiers: level.rules.tiers,
    aliases: [],
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
      'aliases',
      'version',
      'schema',
      'isolation',
      'maxBytes',
      'maxEntries',
      'reservedBytes',
      'adaptiveTtl',
    ]),
    ...('governance' in own ? { mode: own['governance'] as NamespacePolicy['mode'] } : {}),
  }
  if (policy.hasTenants) refuseMarked(policy.tags, `${path}.tags`)
  if (policy.demotion) checkDemotion(policy, `${path}.demotion`, context)
  if ('raw' in own) return Object.freeze(rawPolicy(policy, resolveRaw(name, own, context)))
  const given = (own['keyRules'] ?? []) as readonly Resolved[]
  const keyRules = given.map((rule, at) => keyPolicy(policy, rule, { path: `${path}.keyRules[${at}]`, context }))
  return Object.freeze({ ...policy, keyRules })
}

function checkDemotion(
  { name, tiers }: NamespacePolicy,
  path: string,
  { memory, demotionTiers = [] }: PolicyContext,
): void {
  const mayUse = (tier: string | undefined): boolean => tier !== undefined && tiers?.includes(tier) !== false
  if (mayUse(memory) && demotionTiers.some(mayUse)) return
  throw new ConfigError(`\`${path}\` needs memory and, behind it, a tier of this process alone, such as disk().`, {
    code: 'ERR_CACHE_CONFIG',
    namespace: name,
  })
}

/** The policy of some of the keys, laid on that of their namespace. */
function keyPolicy(base: NamespacePolicy, given: Resolved, place: Place): KeyPolicy {
  checkTiers(given['tiers'] as readonly string[] | undefined, `${place.path}.tiers`, place.context.tierNames)
  const level = layOn({ life: base, rules: base.rules }, given, place)
  const policy = Object.freeze({ ...base, ...level.life, rules: level.rules, tiers: level.rules.tiers ?? base.tiers })
  return { fits: compileGlob(given['match'] as string), policy }
}

interface Place {
  readonly path: string
  readonly context: PolicyContext
}

interface Laid {
  readonly life: Life
  readonly rules: RuleSet
}

/** A level of options on what it is laid on, with the data class it names in between. */
function layOn(outer: Laid, own: Resolved, { path, context }: Place): Laid {
  const dataClass = own['dataClass'] as string | undefined
  const rules = ownRules(outer, own, { path, dataClass })
  if (dataClass === undefined) return rules
  const { dataClasses } = context.governance ?? noGovernance
  const given = dataClasses.get(dataClass)
  if (given === undefined) throw unknownName(`${path}.dataClass: ${dataClass}`, dataClass, [...dataClasses.keys()])
  const classPath = `governance.dataClasses.${dataClass}`
  checkTiers(given['tiers'] as readonly string[] | undefined, `${classPath}.tiers`, context.tierNames)
  return ownRules(ownRules(outer, given, { path: classPath, dataClass }), own, { path, dataClass })
}

/** Rules narrow; a life replaces what it is laid on, and one that nobody chose here is moved into the bounds. */
function ownRules(outer: Laid, own: Resolved, level: { path: string; dataClass: string | undefined }): Laid {
  const rules = narrow(outer.rules, own as GivenRules, level)
  const merged = life(outer.life, own)
  if ('ttl' in own) checkTtl(merged.ttlMs, rules, level.path)
  return { rules, life: { ...merged, ttlMs: Math.min(Math.max(merged.ttlMs, rules.minTtlMs), rules.maxTtlMs) } }
}

/** A ttl that is chosen where its bounds are has to fit them. */
function checkTtl(ttlMs: number, { minTtlMs, maxTtlMs, license }: RuleSet, path: string): void {
  if (ttlMs >= minTtlMs && ttlMs <= maxTtlMs) return
  const asked = ttlMs === Infinity ? 'forever' : `${ttlMs} ms`
  if (ttlMs > maxTtlMs && license !== undefined)
    throw new LicenseViolationError(
      `\`${path}.ttl\` is ${asked}, longer than the licence \`${license}\` allows: at most ${maxTtlMs} ms.`,
      { licenseSource: license, requestedTtlMs: ttlMs, maxAllowedTtlMs: maxTtlMs },
    )
  const bound = ttlMs > maxTtlMs ? `more than the \`maxTtl\` of ${maxTtlMs}` : `less than the \`minTtl\` of ${minTtlMs}`
  throw new ConfigError(`\`${path}.ttl\` is ${asked}, ${bound} ms.`, { code: 'ERR_CACHE_CONFIG' })
}

/** By tier, the nearer one. */
function tierTtlOf(defaults: Resolved, own: Resolved, { path, context }: Place): ReadonlyMap<string, number> {
  const levels = [
    ['defaults', defaults['tierTtl']],
    [path, own['tierTtl']],
  ] as readonly (readonly [string, ReadonlyMap<string, number> | undefined])[]
  const merged = new Map<string, number>()
  for (const [at, stays = new Map<string, number>()] of levels) {
    for (const [tier, ms] of stays) {
      if (!context.tierNames.includes(tier)) throw unknownName(`${at}.tierTtl.${tier}`, tier, context.tierNames)
      merged.set(tier, ms)
    }
  }
  return merged
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
