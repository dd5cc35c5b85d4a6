import type { StandardSchema } from '../../contract/schema.ts'
import type {
  AdaptiveTtlOptions,
  BreakerOptions,
  CoherenceOptions,
  DataClassOptions,
  GovernanceOptions,
  GuardOptions,
  KeyRule,
  LifeOptions,
  NamespaceOptions,
  RawOptions,
  Rules,
} from '../../contract/options.ts'
import type { DefaultsConfig } from '../tierwise-config.ts'
import * as leaf from './leaves.ts'
import { byName, either, listOf, oneOf, section, share, wholeNumber } from './leaves.ts'
import type { Section, Shape } from './leaves.ts'

/** How entries live and what holds for them: the options of namespaces, data classes, key rules and guards. */

const chance = share({ aboveZero: true, below: 1 })

const life: Shape<LifeOptions> = {
  ttl: leaf.lifetime,
  grace: leaf.durationOrOff,
  graceBackoff: leaf.duration,
  softTimeout: leaf.durationOrOff,
  hardTimeout: leaf.durationOrOff,
  refreshAhead: either([leaf.off, chance], 'false, or a number above 0 and below 1'),
  earlyRefresh: either([leaf.off, share({ aboveZero: true, below: 10 })], 'false, or a number above 0 and below 10'),
  jitter: share(),
  negativeTtl: leaf.durationOrOff,
  writeMode: oneOf('through', 'behind', 'around'),
}

const coherence: Shape<CoherenceOptions> = {
  coherence: oneOf('off', 'eventual', 'bounded'),
  maxStaleness: leaf.durationFrom(2000, 'a duration of at least 2 seconds'),
  lease: leaf.duration,
  mutateTimeout: leaf.duration,
  sourceLag: leaf.durationOrOff,
}

const rules: Shape<Rules> = {
  tiers: leaf.texts,
  maxTtl: leaf.duration,
  minTtl: leaf.duration,
  ttlBounds: oneOf('clamp', 'reject'),
  license: leaf.text,
  requiredTags: leaf.texts,
  keyFormat: leaf.expression,
  maxKeyLength: wholeNumber(1),
  maxValueBytes: leaf.size,
}

const mode = oneOf('off', 'warn', 'enforce')
const tierTtl = byName(leaf.duration, "an object: durations by the names of tiers, like { memory: '1m' }")

const isolation = oneOf('share', 'freeze', 'clone')

const dataClassShape: Shape<DataClassOptions> = { ...rules, ttl: life.ttl, grace: life.grace, jitter: life.jitter }

const keyRule = section<KeyRule>('KeyRule', { ...dataClassShape, match: leaf.text, dataClass: leaf.text }, ['match'])

const adaptive = section<AdaptiveTtlOptions>('AdaptiveTtlOptions', { min: leaf.duration, max: leaf.duration }, [
  'min',
  'max',
])

const raw = section<RawOptions>('RawOptions', {
  keyPrefix: leaf.anyText,
  values: oneOf('json', 'text', 'bytes'),
})

export const namespace: Section<NamespaceOptions> = section<NamespaceOptions>('NamespaceOptions', {
  ...life,
  ...coherence,
  ...rules,
  dataClass: leaf.text,
  keyRules: listOf(keyRule, 'a list of key rules'),
  governance: mode,
  tenant: oneOf('none', 'required'),
  failure: oneOf('open', 'closed'),
  adaptiveTtl: either([leaf.off, adaptive], "false, or two durations: { min: '1m', max: '1h' }"),
  aliases: leaf.texts,
  version: leaf.version,
  schema: leaf.fromCode<StandardSchema>(isSchema, 'a Standard Schema from a code file'),
  isolation,
  tierTtl,
  demotion: leaf.boolean,
  maxBytes: leaf.size,
  maxEntries: wholeNumber(1),
  reservedBytes: leaf.size,
  tags: leaf.texts,
  raw,
})

function isSchema(value: unknown): boolean {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && '~standard' in value
}

export const defaults: Section<DefaultsConfig> = section<DefaultsConfig>('DefaultsConfig', {
  ...life,
  ...coherence,
  isolation,
  tierTtl,
})

export const governance: Section<GovernanceOptions> = section<GovernanceOptions>('GovernanceOptions', {
  mode,
  dataClasses: byName(
    section<DataClassOptions>('DataClassOptions', dataClassShape),
    'an object: the rules of each class by its name',
  ),
})

const breaker = section<BreakerOptions>('BreakerOptions', {
  failures: wholeNumber(1),
  failureRate: share({ aboveZero: true }),
  minCalls: wholeNumber(1),
  window: leaf.duration,
  openFor: leaf.duration,
  probes: wholeNumber(1),
})

export const guardShape: Shape<GuardOptions> = {
  tierTimeout: leaf.duration,
  connectTimeout: leaf.duration,
  retries: wholeNumber(0),
  maxInFlight: wholeNumber(1),
  breaker,
}

export const guard: Section<GuardOptions> = section<GuardOptions>('GuardOptions', guardShape)
