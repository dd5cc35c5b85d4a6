import type { PresetName } from '../../presets/table.ts'
import { presets } from '../../presets/table.ts'
import type {
  EncryptionConfig,
  EncryptionKeyConfig,
  InvalidationConfig,
  InvalidationEventConfig,
  InvalidationTargets,
  ManagerConfig,
  MonitoringConfig,
  ResolvedConfig,
  ThresholdConfig,
  WarmingConfig,
  WarmingPatternConfig,
} from '../tierwise-config.ts'
import * as z from 'zod'
import { defaults, governance, guard, guardShape, namespace } from './entries.ts'
import * as leaf from './leaves.ts'
import { byName, listOf, oneOf, section, wholeNumber } from './leaves.ts'
import type { Leaf, Shape } from './leaves.ts'
import { tier } from './tiers.ts'

const encryption = section<EncryptionConfig>(
  'EncryptionConfig',
  {
    keys: listOf(
      section<EncryptionKeyConfig>('EncryptionKeyConfig', { id: wholeNumber(0, 255), secret: leaf.base64Of(32) }, [
        'id',
        'secret',
      ]),
      'a list of keys, with at least one',
      1,
    ),
  },
  ['keys'],
)

const warming = section<WarmingConfig>('WarmingConfig', {
  onStart: leaf.boolean,
  strategy: oneOf('priority', 'parallel', 'sequential'),
  patterns: listOf(
    section<WarmingPatternConfig>(
      'WarmingPatternConfig',
      { pattern: leaf.text, namespace: leaf.text, priority: oneOf('high', 'medium', 'low'), tier: leaf.text },
      ['pattern'],
    ),
    'a list of patterns to warm',
  ),
  batchSize: wholeNumber(1),
  maxTime: leaf.duration,
  workers: wholeNumber(1),
})

const byNamespace = byName(leaf.texts, 'an object: lists of texts by namespace')
const targets: Shape<InvalidationTargets> = {
  namespaces: leaf.texts,
  keys: byNamespace,
  patterns: byNamespace,
  tags: leaf.texts,
}

const invalidation = section<InvalidationConfig>('InvalidationConfig', {
  on: byName(
    section<InvalidationEventConfig>('InvalidationEventConfig', { ...targets, groups: leaf.texts }),
    'an object: what each event removes, by its name',
  ),
  groups: byName(
    section<InvalidationTargets>('InvalidationTargets', targets),
    'an object: what belongs together, by name',
  ),
})

const monitoring = section<MonitoringConfig>('MonitoringConfig', {
  interval: leaf.duration,
  thresholds: listOf(
    section<ThresholdConfig>(
      'ThresholdConfig',
      {
        metric: oneOf('hitRate', 'latencyMs', 'memoryPercent', 'errorRate'),
        tier: leaf.text,
        below: leaf.number,
        above: leaf.number,
        severity: oneOf('warning', 'critical'),
      },
      ['metric'],
    ),
    'a list of thresholds',
  ),
})

/** What a configuration says besides tiers and namespaces. */
export const managerShape: Shape<ManagerConfig> = {
  preset: oneOf(...(Object.keys(presets) as PresetName[])),
  prefix: leaf.namePart('a text of letters, digits, `_`, `-` and `.`'),
  chain: listOf(leaf.text, 'a list of names of tiers'),
  defaults,
  governance,
  strictNamespaces: leaf.boolean,
  guards: byName(guard, 'an object of guards by the names of tiers'),
  codec: oneOf('msgpack', 'json'),
  encryption,
  ...guardShape,
  maxRefreshes: wholeNumber(1),
  maxPendingWrites: wholeNumber(1),
  statistics: leaf.boolean,
  requiredTiers: leaf.texts,
  warming,
  invalidation,
  monitoring,
  application: z.record(z.string(), z.unknown(), { error: 'an object of your own' }),
}

const tiers = byName(tier, 'an object of tiers by name')
const namespaces = byName(namespace, 'an object of options by namespace')

const resolved = section<ResolvedConfig>('ResolvedConfig', { ...managerShape, tiers, namespaces }, ['tiers', 'chain'])

/** What is left of a configuration once profile, preset, variables and environment are in. */
export const configSchema: Leaf<ResolvedConfig> = resolved

/** The names of its sections. */
export const sectionNames: readonly string[] = Object.keys(resolved.shape)
