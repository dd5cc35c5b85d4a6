/**
 * For every alert, series for which it has to fire and series for which it must not. Promtool tries them.
 *
 * @typedef {import('../packages/tierwise/src/observability/alerts/prometheus-rules.ts').PrometheusRuleFile} RuleFile
 * @typedef {Extract<RuleFile['groups'][number]['rules'][number], { alert: string }>} AlertingRule
 * @typedef {Readonly<Record<string, string>>} Labels
 * @typedef {readonly [metric: string, labels: Labels, values: string]} Case
 * @typedef {{ labels?: Labels, scope?: 'job', value: number, firing: readonly Case[], quiet: readonly Case[] }} Cases
 */

/** @param {string} outcome @param {number} aMinute @returns {Case} */
const gets = (outcome, aMinute) => ['gets_total', { namespace: 'factors', outcome }, growing(aMinute)]
/** @param {string} tier @param {number} aMinute @returns {Case} */
const hits = (tier, aMinute) => ['hits_total', { namespace: 'factors', tier }, growing(aMinute)]
/** @param {string} tier @param {string} outcome @param {number} aMinute @returns {Case} */
const lookups = (tier, outcome, aMinute) => [
  'tier_lookups_total',
  { namespace: 'factors', tier, outcome },
  growing(aMinute),
]
/** @param {string} tier @param {string} operation @param {number} aMinute @returns {Case} */
const operations = (tier, operation, aMinute) => ['tier_operations_total', { tier, operation }, growing(aMinute)]
/** @param {string} reason @param {number} aMinute @returns {Case} */
const failures = (reason, aMinute) => [
  'tier_operation_failures_total',
  { tier: 'redis', operation: 'get', reason },
  growing(aMinute),
]
/** @type {readonly Case[]} */
const chain = [
  ['tier_position', { tier: 'memory' }, '1x30'],
  ['tier_position', { tier: 'redis' }, '2x30'],
  ['tier_position', { tier: 'disk' }, '3x30'],
]

/** @param {number} aMinute */
function growing(aMinute) {
  return `0+${aMinute}x30`
}

/** Reads of Redis, 600 a minute, so many of them faster than 5, 10 and 25 ms. @param {readonly [number, number, number]} faster @param {string} [tier] @returns {Case[]} */
function timed([in5, in10, in25], tier = 'redis') {
  const labels = { tier, operation: 'get', outcome: 'answered' }
  const buckets = Object.entries({ 0.005: in5, 0.01: in10, 0.025: in25, '+Inf': 600 })
  return buckets.map(([le, count]) => ['tier_operation_duration_seconds_bucket', { ...labels, le }, growing(count)])
}

/** @type {Readonly<Record<string, Cases>>} */
const cases = {
  HighCacheMissRate: {
    scope: 'job',
    value: 0.5,
    firing: [gets('hit', 240), gets('stale', 60), gets('miss', 300)],
    quiet: [gets('hit', 300), gets('stale', 100), gets('miss', 200)],
  },
  LowFirstTierHitRatio: {
    scope: 'job',
    labels: { tier: 'memory' },
    value: 0.6,
    firing: [...chain, lookups('memory', 'hit', 360), lookups('memory', 'miss', 240), gets('hit', 600)],
    quiet: [
      ...chain,
      lookups('memory', 'hit', 480),
      lookups('memory', 'miss', 120),
      // A tier behind memory is asked for what memory does not have.
      lookups('redis', 'hit', 12),
      lookups('redis', 'miss', 108),
      gets('hit', 600),
    ],
  },
  LowFirstTierShareOfHits: {
    scope: 'job',
    labels: { tier: 'memory' },
    value: 0.5,
    firing: [...chain, hits('memory', 300), hits('redis', 300), gets('hit', 600)],
    quiet: [...chain, hits('memory', 480), hits('redis', 120), gets('hit', 600)],
  },
  HighL3CacheUsage: {
    scope: 'job',
    labels: { tier: 'disk' },
    value: 0.4,
    firing: [...chain, hits('memory', 300), hits('redis', 60), hits('disk', 240), gets('hit', 600)],
    quiet: [...chain, hits('memory', 300), hits('redis', 240), hits('disk', 60), gets('hit', 600)],
  },
  CacheTierUnavailable: {
    labels: { tier: 'redis', kind: 'read' },
    value: 2,
    firing: [['tier_breaker_state', { tier: 'redis', kind: 'read' }, '2x30']],
    // Half-open is on its way back; and one that opens for a minute now and then does not wake anybody.
    quiet: [
      ['tier_breaker_state', { tier: 'redis', kind: 'read' }, '1x30'],
      ['tier_breaker_state', { tier: 'redis', kind: 'write' }, '2 2 0x26 2 2'],
    ],
  },
  CacheNotReady: {
    value: 0,
    firing: [['ready', {}, '0x30']],
    quiet: [['ready', {}, '1x30']],
  },
  CacheTierErrors: {
    labels: { tier: 'redis' },
    value: 0.1,
    firing: [operations('redis', 'get', 600), failures('error', 30), failures('timeout', 30)],
    quiet: [operations('redis', 'get', 600), failures('error', 6), failures('timeout', 6)],
  },
  SlowCacheTier: {
    labels: { tier: 'redis' },
    // Of the last one percent half is beyond the bucket: the 99th percentile is where 594 of 600 are reached.
    value: 0.025,
    firing: [...chain, ...timed([300, 400, 594]), operations('redis', 'get', 600)],
    quiet: [
      ...chain,
      ...timed([590, 600, 600]),
      operations('redis', 'get', 600),
      // A disk behind Redis may take longer.
      ...timed([300, 400, 594], 'disk'),
      operations('disk', 'get', 600),
    ],
  },
  CacheTierOverloaded: {
    labels: { tier: 'redis' },
    value: 1,
    firing: [['tier_operations_unsent_total', { tier: 'redis', operation: 'get', reason: 'rejected' }, growing(60)]],
    quiet: [
      ['tier_operations_unsent_total', { tier: 'redis', operation: 'get', reason: 'rejected' }, '5x30'],
      ['tier_operations_unsent_total', { tier: 'redis', operation: 'get', reason: 'refused' }, growing(60)],
    ],
  },
  RedisMemoryHigh: {
    labels: { tier: 'redis' },
    value: 0.95,
    firing: [
      ['tier_store_bytes', { tier: 'redis' }, '950x30'],
      ['tier_store_max_bytes', { tier: 'redis' }, '1000x30'],
    ],
    // Memory and disks are full on purpose, and evict; and one server has no limit.
    quiet: [
      ['tier_store_bytes', { tier: 'redis' }, '850x30'],
      ['tier_store_max_bytes', { tier: 'redis' }, '1000x30'],
      ['tier_store_bytes', { tier: 'unlimited' }, '1000x30'],
      ['tier_bytes', { tier: 'memory' }, '1000x30'],
      ['tier_max_bytes', { tier: 'memory' }, '1000x30'],
    ],
  },
  CacheBadRecords: {
    labels: { tier: 'disk' },
    value: 1,
    firing: [['tier_bad_records_total', { tier: 'disk' }, growing(60)]],
    quiet: [['tier_bad_records_total', { tier: 'disk' }, '7x30']],
  },
  CacheValuesTooLarge: {
    labels: { tier: 'memory' },
    value: 1,
    firing: [['tier_evictions_total', { tier: 'memory', reason: 'too-large' }, growing(60)]],
    quiet: [
      ['tier_evictions_total', { tier: 'memory', reason: 'capacity' }, growing(60)],
      ['tier_evictions_total', { tier: 'memory', reason: 'too-large' }, '3x30'],
    ],
  },
  CacheBusSilent: {
    value: 60,
    firing: [
      ['bus_confirmed', {}, '1x30'],
      ['bus_confirmed_age_seconds', {}, '60x30'],
    ],
    quiet: [
      ['bus_confirmed', {}, '1x30'],
      ['bus_confirmed_age_seconds', {}, '2x30'],
    ],
  },
  CacheIntentsPending: {
    labels: { tier: 'redis' },
    value: 3,
    firing: [['tier_intents', { tier: 'redis' }, '3x30']],
    quiet: [['tier_intents', { tier: 'redis' }, '0x27 1 2 1']],
  },
  CachePendingWrites: {
    value: 2000,
    firing: [['pending_writes', {}, '2000x30']],
    quiet: [['pending_writes', {}, '200x30']],
  },
  CoordinationDegraded: {
    value: 2,
    firing: [['coordination_breaker_state', {}, '2x30']],
    // One look during a pause that ended.
    quiet: [['coordination_breaker_state', {}, '0x27 2 0 0']],
  },
  CacheInconsistent: {
    value: 1,
    firing: [['audit_inconsistent_total', {}, growing(60)]],
    quiet: [['audit_inconsistent_total', {}, '4x30']],
  },
  CacheLoadFailures: {
    scope: 'job',
    labels: { namespace: 'factors' },
    value: 0.2,
    firing: [
      ['loads_total', { namespace: 'factors' }, growing(60)],
      ['load_failures_total', { namespace: 'factors' }, growing(12)],
    ],
    // Two of two that failed say nothing yet.
    quiet: [
      ['loads_total', { namespace: 'factors' }, growing(60)],
      ['load_failures_total', { namespace: 'factors' }, growing(3)],
      ['loads_total', { namespace: 'rare' }, growing(2)],
      ['load_failures_total', { namespace: 'rare' }, growing(2)],
    ],
  },
  CacheServesStale: {
    scope: 'job',
    value: 0.25,
    firing: [gets('hit', 450), gets('stale', 150), gets('miss', 0)],
    quiet: [gets('hit', 570), gets('stale', 30), gets('miss', 0)],
  },
  CachePolicyViolations: {
    scope: 'job',
    labels: { namespace: 'factors' },
    value: 1,
    firing: [['policy_outcomes_total', { namespace: 'factors', outcome: 'refused' }, growing(60)]],
    quiet: [['policy_outcomes_total', { namespace: 'factors', outcome: 'refused' }, '9x30']],
  },
}

/** Cases that an alert has besides. @type {Readonly<Record<string, { readonly quiet?: readonly Case[], readonly firing?: readonly Case[], readonly value?: number, readonly labels?: Labels }>>} */
const more = {
  // Hardly anybody reads.
  HighCacheMissRate: { quiet: [gets('hit', 2), gets('miss', 30)] },
  CacheTierErrors: { quiet: [operations('redis', 'get', 6), failures('error', 6)] },
  // It is not known at all since when everything was heard.
  // It is tried again and again, and does not answer.
  CacheTierUnavailable: {
    firing: [
      [
        'tier_breaker_state',
        { tier: 'redis', kind: 'write' },
        Array.from({ length: 31 }, (_, minute) => 2 - (minute % 2)).join(' '),
      ],
    ],
    value: 2,
    labels: { kind: 'write' },
  },
  CacheBusSilent: { firing: [['bus_confirmed', {}, '0x30']], value: 0 },
}

/** What `promtool test rules` reads. @param {RuleFile} file */
export function ruleTests({ groups }) {
  const alerts = groups.flatMap(({ rules }) => rules.filter((rule) => 'alert' in rule))
  const unknown = Object.keys(cases).filter((name) => alerts.every(({ alert }) => alert !== name))
  if (unknown.length > 0) throw new Error(`There are cases for ${unknown.join(', ')}, which are no alerts`)
  return {
    rule_files: ['alerts.yml'],
    evaluation_interval: '1m',
    tests: [...alerts.flatMap(testsOf), hitRateTest],
  }
}

/** @param {AlertingRule} rule */
function testsOf(rule) {
  const own = cases[rule.alert]
  if (own === undefined) throw new Error(`The alert ${rule.alert} has no cases`)
  const { quiet, firing, value, labels: others = {} } = more[rule.alert] ?? {}
  const labels = { job: 'shop', ...(own.scope === 'job' ? {} : { instance: 'a' }), ...own.labels }
  return [
    testOf(rule, { name: 'fires', series: own.firing, found: { labels, value: own.value } }),
    testOf(rule, { name: 'is quiet', series: own.quiet }),
    ...(firing === undefined || value === undefined
      ? []
      : [testOf(rule, { name: 'fires as well', series: firing, found: { labels: { ...labels, ...others }, value } })]),
    ...(quiet === undefined ? [] : [testOf(rule, { name: 'is quiet as well', series: quiet })]),
  ]
}

/** @typedef {{ name: string, series: readonly Case[], found?: { labels: Labels, value: number } }} RuleCase */

/** @param {AlertingRule} rule @param {RuleCase} ruleCase */
function testOf(rule, { name, series, found }) {
  const fired = found === undefined ? [] : [expected(rule, found)]
  return {
    name: `${rule.alert} ${name}`,
    interval: '1m',
    input_series: series.map(inputOf),
    alert_rule_test: [
      // What has to hold for a while does not fire before.
      ...(rule.for === undefined ? [] : [{ eval_time: justBefore(rule.for), alertname: rule.alert, exp_alerts: [] }]),
      { eval_time: '30m', alertname: rule.alert, exp_alerts: fired },
    ],
  }
}

/** @param {string} minutes */
function justBefore(minutes) {
  return `${Number.parseInt(minutes, 10) * 60 - 1}s`
}

/** @param {Case} each */
function inputOf([metric, labels, values]) {
  const all = Object.entries({ job: 'shop', instance: 'a', ...labels })
  return { series: `tierwise_${metric}{${all.map(([name, value]) => `${name}="${value}"`).join(',')}}`, values }
}

/** @param {AlertingRule} rule @param {{ labels: Labels, value: number }} found */
function expected(rule, { labels, value }) {
  const fill = (/** @type {string} */ text) =>
    text
      .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, name) => labels[name] ?? '')
      .replaceAll('{{ printf "%.4g" $value }}', String(value))
  const annotations = Object.entries(rule.annotations).map(([name, text]) => [name, fill(text)])
  return { exp_labels: { ...labels, ...rule.labels }, exp_annotations: Object.fromEntries(annotations) }
}

/** The hit rates that are recorded, by what the guide says they are. */
const hitRateTest = {
  name: 'Hit rates are recorded',
  interval: '1m',
  input_series: [
    gets('hit', 60),
    gets('stale', 30),
    gets('miss', 30),
    hits('memory', 45),
    hits('redis', 15),
    lookups('memory', 'hit', 45),
    lookups('memory', 'miss', 75),
    lookups('redis', 'hit', 15),
    lookups('redis', 'stale', 15),
    lookups('redis', 'miss', 30),
  ].map(inputOf),
  promql_expr_test: [
    recorded('hit_rate', { '': 0.75 }),
    recorded('hit_share_of_gets', { memory: 0.375, redis: 0.125 }),
    recorded('hit_share_of_hits', { memory: 0.75, redis: 0.25 }),
    recorded('tier_hit_ratio', { memory: 0.375, redis: 0.25 }),
  ],
}

/** @param {string} name @param {Readonly<Record<string, number>>} byTier */
function recorded(name, byTier) {
  const record = `tierwise:${name}:rate5m`
  const samples = Object.entries(byTier).map(([tier, value]) => ({
    labels: `${record}{job="shop"${tier === '' ? '' : `,tier="${tier}"`}}`,
    value,
  }))
  return { expr: record, eval_time: '30m', exp_samples: samples }
}
