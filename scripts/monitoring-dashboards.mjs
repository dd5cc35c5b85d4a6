/**
 * The dashboards, as Grafana 10 and later import them.
 *
 * @typedef {readonly [expression: string, legend: string]} Query
 * @typedef {{ unit?: string, type?: 'timeseries' | 'stat' | 'table', width?: number, max?: number, text?: string, mappings?: unknown[] }} Look
 * @typedef {{ title: string, queries: readonly Query[], look: Look }} Panel
 */

const source = { type: 'prometheus', uid: '${datasource}' }
const where = 'job=~"$job", instance=~"$instance"'
const range = '$__rate_interval'

/** Growth of a counter in a second, summed up. @param {string} metric @param {string} [by] @param {string} [more] */
function rate(metric, by = '', more = '') {
  const matchers = more === '' ? where : `${where}, ${more}`
  return `sum by (${by}) (rate(tierwise_${metric}{${matchers}}[${range}]))`
}

/** @param {string} metric @param {string} by @param {string} [more] */
function largest(metric, by, more = '') {
  const matchers = more === '' ? where : `${where}, ${more}`
  return `max by (${by}) (tierwise_${metric}{${matchers}})`
}

/** @param {string} title @param {readonly Query[]} queries @param {Look} [look] @returns {Panel} */
function panel(title, queries, look = {}) {
  return { title, queries, look }
}

/** @param {number} share @param {string} metric @param {{ by: string, where?: string }} of */
function quantile(share, metric, { by, where: more }) {
  return `histogram_quantile(${share}, ${rate(`${metric}_bucket`, `le, ${by}`, more)})`
}

const ofReads = { by: 'tier', where: 'operation="get"' }
const states = [
  {
    type: 'value',
    options: {
      0: { text: 'closed', color: 'green' },
      1: { text: 'half-open', color: 'yellow' },
      2: { text: 'open', color: 'red' },
    },
  },
]
const yesOrNo = [{ type: 'value', options: { 0: { text: 'no', color: 'red' }, 1: { text: 'yes', color: 'green' } } }]

/** @type {readonly Panel[]} */
const overview = [
  panel('Hit rate', [[`${rate('gets_total', '', 'outcome=~"hit|stale"')} / ${rate('gets_total')}`, 'hit rate']], {
    type: 'stat',
    unit: 'percentunit',
    width: 4,
    text: 'Reads answered by any tier, stale ones included, by all reads.',
  }),
  panel('Reads', [[rate('gets_total'), 'reads']], { type: 'stat', unit: 'reqps', width: 4 }),
  panel('Loads', [[rate('loads_total'), 'loads']], { type: 'stat', unit: 'reqps', width: 4 }),
  panel('Ready', [[`min(tierwise_ready{${where}})`, 'ready']], { type: 'stat', width: 4, mappings: yesOrNo }),
  panel('Healthy', [[`min(tierwise_healthy{${where}})`, 'healthy']], { type: 'stat', width: 4, mappings: yesOrNo }),
  panel('Worst breaker', [[`max(tierwise_tier_breaker_state{${where}})`, 'breaker']], {
    type: 'stat',
    width: 4,
    mappings: states,
  }),
  panel('Reads by outcome', [[rate('gets_total', 'outcome'), '{{outcome}}']], { unit: 'reqps' }),
  panel(
    'hitShareOfGets: hits of a tier by all reads',
    [[`${rate('hits_total', 'tier')} / on () group_left () ${rate('gets_total')}`, '{{tier}}']],
    {
      unit: 'percentunit',
      max: 1,
    },
  ),
  panel(
    'hitShareOfHits: hits of a tier by all hits',
    [[`${rate('hits_total', 'tier')} / on () group_left () ${rate('hits_total')}`, '{{tier}}']],
    {
      unit: 'percentunit',
      max: 1,
    },
  ),
  panel(
    'tierHitRatio: hits of a tier by what it was asked for',
    [[`${rate('tier_lookups_total', 'tier', 'outcome="hit"')} / ${rate('tier_lookups_total', 'tier')}`, '{{tier}}']],
    { unit: 'percentunit', max: 1 },
  ),
  panel(
    'Reads from tiers, 50th and 99th percentile',
    [
      [quantile(0.5, 'tier_operation_duration_seconds', ofReads), '{{tier}} p50'],
      [quantile(0.99, 'tier_operation_duration_seconds', ofReads), '{{tier}} p99'],
    ],
    { unit: 's' },
  ),
  panel(
    'Hits in memory, percentiles since the start',
    [[largest('tier_hit_duration_seconds', 'tier, percentile'), '{{tier}} p{{percentile}}']],
    {
      unit: 's',
    },
  ),
  panel(
    'Loads, 50th and 99th percentile',
    [
      [quantile(0.5, 'load_duration_seconds', { by: 'namespace' }), '{{namespace}} p50'],
      [quantile(0.99, 'load_duration_seconds', { by: 'namespace' }), '{{namespace}} p99'],
    ],
    { unit: 's' },
  ),
  panel(
    'Loads: runs, failures, calls spared',
    [
      [rate('loads_total'), 'loads'],
      [rate('load_failures_total'), 'failures'],
      [rate('loads_saved_total'), 'spared'],
      [rate('refreshes_total'), 'refreshes'],
    ],
    { unit: 'reqps' },
  ),
  panel('Operations of tiers', [[rate('tier_operations_total', 'tier, operation'), '{{tier}} {{operation}}']], {
    unit: 'ops',
  }),
  panel(
    'Operations that failed or were not sent',
    [
      [rate('tier_operation_failures_total', 'tier, reason'), '{{tier}} {{reason}}'],
      [rate('tier_operations_unsent_total', 'tier, reason'), '{{tier}} {{reason}}'],
      [rate('tier_operation_retries_total', 'tier'), '{{tier}} retries'],
    ],
    { unit: 'ops' },
  ),
  panel('Breakers', [[largest('tier_breaker_state', 'tier, kind'), '{{tier}} {{kind}}']], { mappings: states, max: 2 }),
  panel(
    'Copies between tiers',
    [
      [rate('promotions_total'), 'promotions'],
      [rate('demotions_total'), 'demotions'],
    ],
    { unit: 'ops' },
  ),
  panel(
    'Bytes, by what a tier may take',
    [
      [
        `${largest('tier_bytes', 'instance, tier')} / ${largest('tier_max_bytes', 'instance, tier')}`,
        '{{instance}} {{tier}}',
      ],
    ],
    {
      unit: 'percentunit',
      max: 1,
    },
  ),
  panel(
    'Bytes of servers behind tiers, by what they may take',
    [[`${largest('tier_store_bytes', 'tier')} / ${largest('tier_store_max_bytes', 'tier')}`, '{{tier}}']],
    {
      unit: 'percentunit',
      max: 1,
    },
  ),
  panel('Entries', [[`sum by (tier) (tierwise_tier_entries{${where}})`, '{{tier}}']], { unit: 'short' }),
  panel('Evictions', [[rate('tier_evictions_total', 'tier, reason'), '{{tier}} {{reason}}']], { unit: 'ops' }),
  panel(
    'Compression',
    [
      [
        `${rate('tier_compression_raw_bytes_total', 'tier')} / ${rate('tier_compression_stored_bytes_total', 'tier')}`,
        '{{tier}}',
      ],
    ],
    {
      unit: 'short',
      text: 'Bytes before by bytes after.',
    },
  ),
  panel('Namespaces: reads', [[`topk(20, ${rate('gets_total', 'namespace')})`, '{{namespace}}']], { unit: 'reqps' }),
  panel(
    'Namespaces: hit rate',
    [
      [
        `${rate('gets_total', 'namespace', 'outcome=~"hit|stale"')} / ${rate('gets_total', 'namespace')}`,
        '{{namespace}}',
      ],
    ],
    { unit: 'percentunit', max: 1 },
  ),
]

/** @type {readonly Panel[]} */
const coherence = [
  panel('Everything heard', [[`min(tierwise_bus_confirmed{${where}})`, 'heard']], {
    type: 'stat',
    width: 6,
    mappings: yesOrNo,
  }),
  panel('Heard up to', [[`max(tierwise_bus_confirmed_age_seconds{${where}})`, 'ago']], {
    type: 'stat',
    unit: 's',
    width: 6,
  }),
  panel('Invalidations waiting', [[`sum(tierwise_tier_intents{${where}})`, 'waiting']], { type: 'stat', width: 6 }),
  panel('Found to be wrong', [[`sum(increase(tierwise_audit_inconsistent_total{${where}}[$__range]))`, 'keys']], {
    type: 'stat',
    width: 6,
    text: 'Keys that the auditor saw to be old for longer than is tolerated. Nothing without an auditor.',
  }),
  panel('What has been heard, how long ago', [[largest('bus_confirmed_age_seconds', 'instance'), '{{instance}}']], {
    unit: 's',
  }),
  panel('Instances that do not know what others changed', [[`1 - tierwise_bus_confirmed{${where}}`, '{{instance}}']], {
    max: 1,
  }),
  panel(
    'Changes told and heard',
    [
      [rate('invalidations_total'), 'told'],
      [rate('foreign_changes_total'), 'heard of others'],
    ],
    { unit: 'ops' },
  ),
  panel('Loads that an invalidation overtook', [[rate('rejected_fills_total', 'namespace'), '{{namespace}}']], {
    unit: 'ops',
  }),
  panel('Invalidations waiting for a tier', [[largest('tier_intents', 'instance, tier'), '{{instance}} {{tier}}']]),
  panel('Writes on their way', [[largest('pending_writes', 'instance'), '{{instance}}']]),
  panel(
    'Auditor: comparisons',
    [
      [rate('audit_checked_total'), 'with a result'],
      [rate('audit_unknown_total'), 'without'],
      [`sum(tierwise_audit_suspected{${where}})`, 'suspected now'],
    ],
    { unit: 'short' },
  ),
  panel(
    'Coordination: steps that the store did not answer',
    [[rate('coordination_steps_total', 'primitive, outcome', 'outcome!="store"'), '{{primitive}} {{outcome}}']],
    {
      unit: 'ops',
      text: 'Limits, locks and claims that were denied, counted in the process or assumed. Nothing without a coordination.',
    },
  ),
  panel('Stale reads', [[rate('gets_total', 'namespace', 'outcome="stale"'), '{{namespace}}']], { unit: 'reqps' }),
  panel('Broken rules', [[rate('policy_violations_total', 'namespace, rule'), '{{namespace}} {{rule}}']], {
    unit: 'ops',
  }),
  panel('Records that could not be used', [[rate('tier_bad_records_total', 'tier'), '{{tier}}']], { unit: 'ops' }),
  panel('What namespaces promise', [[`count by (namespace, coherence) (tierwise_namespace_coherence{${where}})`, '']], {
    type: 'table',
    width: 24,
  }),
]

const variables = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
  variable('job', 'label_values(tierwise_start_time_seconds, job)'),
  variable('instance', 'label_values(tierwise_start_time_seconds{job=~"$job"}, instance)'),
]

/** @param {string} name @param {string} query */
function variable(name, query) {
  return {
    name,
    type: 'query',
    datasource: source,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    includeAll: true,
    multi: true,
    current: { text: 'All', value: '$__all' },
  }
}

/** @param {string} uid @param {string} title @param {readonly Panel[]} panels */
function dashboard(uid, title, panels) {
  return {
    uid,
    title,
    tags: ['tierwise'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables },
    panels: placed(panels),
  }
}

/** One after another, from left to right. @param {readonly Panel[]} panels */
function placed(panels) {
  let [x, y, rowHeight] = [0, 0, 0]
  return panels.map(({ title, queries, look }, index) => {
    const { type = 'timeseries', width = 12, unit = 'short', max, text, mappings = [] } = look
    const height = type === 'stat' ? 4 : 8
    if (x + width > 24) [x, y, rowHeight] = [0, y + rowHeight, 0]
    const gridPos = { x, y, w: width, h: height }
    x += width
    rowHeight = Math.max(rowHeight, height)
    return {
      id: index + 1,
      title,
      type,
      ...(text === undefined ? {} : { description: text }),
      datasource: source,
      gridPos,
      fieldConfig: {
        defaults: { unit, mappings, ...(max === undefined ? {} : { min: 0, max }) },
        overrides: [],
      },
      options: type === 'stat' ? { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'value' } : {},
      targets: queries.map(([expr, legendFormat], place) => ({
        refId: String.fromCodePoint(65 + place),
        datasource: source,
        expr,
        ...(legendFormat === '' ? {} : { legendFormat }),
        ...(type === 'table' ? { format: 'table', instant: true } : {}),
      })),
    }
  })
}

/** By the name of their file. */
export const dashboards = {
  overview: dashboard('tierwise-overview', 'tierwise: overview', overview),
  coherence: dashboard('tierwise-coherence', 'tierwise: coherence', coherence),
}
