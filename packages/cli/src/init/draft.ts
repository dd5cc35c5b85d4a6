import type { Detected } from './detect.ts'

/** A part of a configuration with what a reader should know of it. */
export interface DraftNode {
  readonly key: string
  /** Lines above the node. */
  readonly comment?: readonly string[]
  readonly value: string | number | readonly DraftNode[]
}

/** What is written for a project, before it is put into a language. */
export interface Draft {
  readonly head: readonly string[]
  readonly nodes: readonly DraftNode[]
  /** Variables without which the profile `production` does not start. */
  readonly needed: readonly string[]
}

const guide = 'docs/guide/configuration.md'

export function draft(detected: Detected): Draft {
  const redis = redisOf(detected)
  const postgres = postgresOf(detected)
  const profile = (name: string, comment: string, value: readonly DraftNode[]): DraftNode[] =>
    value.length === 0 ? [] : [{ key: name, comment: [comment], value }]
  const shared = [redis, postgres].filter((part) => part !== undefined)
  const remote = [...shared.map(({ tier }) => tier.key), ...(detected.hasLmdb ? ['disk'] : [])]
  const strict = shared.flatMap(({ strict }) => strict ?? [])
  return {
    head: headOf(detected),
    needed: shared.flatMap(({ needed }) => needed),
    nodes: [
      { key: 'prefix', comment: ['First part of every key in a shared tier.'], value: prefixOf(detected.name) },
      {
        key: 'tiers',
        comment: ['Fastest first. A value is looked for from the top, and copied up when it is found.'],
        value: [
          {
            key: 'memory',
            comment: ['Of each process: the objects themselves, evicted by use.'],
            value: [{ key: 'maxBytes', value: '100mb' }],
          },
          ...(redis ? [redis.tier] : []),
          ...diskOf(detected),
          ...(postgres ? [postgres.tier] : []),
        ],
      },
      defaults,
      governance,
      namespaces,
      {
        key: 'profiles',
        comment: ['Laid over the rest: by --profile, TIERWISE_PROFILE or NODE_ENV. `false` takes a tier out.'],
        value: [
          ...profile('development', 'Enough to see how it behaves.', [
            { key: 'tiers', value: [{ key: 'memory', value: [{ key: 'maxBytes', value: '50mb' }] }] },
          ]),
          ...profile('testing', 'Nothing that outlives a test run, nothing to set up.', [
            {
              key: 'tiers',
              value: [
                { key: 'memory', value: [{ key: 'maxBytes', value: '20mb' }] },
                ...remote.map((key) => ({ key, value: 'false' })),
              ],
            },
          ]),
          ...profile('staging', 'As production, so that both are tried the same.', [
            { key: 'extends', value: 'production' },
          ]),
          ...profile('production', 'Rules are kept here, and what is missing is an error at the start.', [
            ...(strict.length === 0 ? [] : [{ key: 'tiers', value: strict }]),
            { key: 'governance', value: [{ key: 'mode', value: 'enforce' }] },
          ]),
        ],
      },
    ],
  }
}

interface SharedTier {
  readonly tier: DraftNode
  /** The same tier in production, without defaults. */
  readonly strict?: DraftNode
  readonly needed: readonly string[]
}

function redisOf({ redisClient, variables }: Detected): SharedTier | undefined {
  const own = variables.filter((name) => name.startsWith('REDIS_'))
  if (redisClient === undefined && own.length === 0) return undefined
  const client: DraftNode[] = redisClient === undefined ? [] : [{ key: 'client', value: redisClient }]
  const comment = [
    'Shared by all processes, which tell each other of changes through it. `tierwise doctor` examines it.',
  ]
  if (variables.includes('REDIS_HOST') && !variables.includes('REDIS_URL')) {
    const where = `Where it is, the environment says: ${own.join(', ')}.`
    const options = client.length > 0 ? client : [{ key: 'connectTimeout', value: '5s' }]
    return { tier: { key: 'redis', comment: [...comment, where], value: options }, needed: ['REDIS_HOST'] }
  }
  const url = { key: 'url', value: '${REDIS_URL:-redis://localhost:6379}' }
  return {
    tier: { key: 'redis', comment, value: [url, ...client] },
    strict: { key: 'redis', value: [{ key: 'url', value: '${REDIS_URL}' }] },
    needed: ['REDIS_URL'],
  }
}

/** Only where there is no Redis: the tier makes tables in the database of the application. */
function postgresOf(detected: Detected): SharedTier | undefined {
  const { postgresClient, variables } = detected
  if (redisOf(detected) !== undefined || postgresClient === undefined) return undefined
  const named = variables.includes('DATABASE_URL') ? [] : ['Set DATABASE_URL.']
  const comment = ['Shared by all processes: a table in a schema of its own, made when it is first opened.', ...named]
  return {
    tier: {
      key: 'postgres',
      comment,
      value: [
        { key: 'url', value: '${DATABASE_URL:-postgres://localhost:5432/postgres}' },
        { key: 'package', value: postgresClient },
        { key: 'maxBytes', value: '1gb' },
      ],
    },
    strict: { key: 'postgres', value: [{ key: 'url', value: '${DATABASE_URL}' }] },
    needed: ['DATABASE_URL'],
  }
}

function diskOf({ hasLmdb }: Detected): readonly DraftNode[] {
  if (!hasLmdb) return []
  return [
    {
      key: 'disk',
      comment: ['Of each host: survives restarts. Never on a network file system.'],
      value: [
        { key: 'path', value: '.cache/tierwise' },
        { key: 'maxBytes', value: '1gb' },
      ],
    },
  ]
}

const defaults: DraftNode = {
  key: 'defaults',
  comment: ['How entries live where neither their namespace nor the call says otherwise.'],
  value: [
    { key: 'ttl', comment: ['Fresh for so long: answered without asking the source.'], value: '5m' },
    {
      key: 'grace',
      comment: ['Kept for so long afterwards, to stand in when the source is slow or down.'],
      value: '1h',
    },
    {
      key: 'softTimeout',
      comment: ['A caller waits so long for the source before it takes what is kept,'],
      value: '200ms',
    },
    { key: 'hardTimeout', comment: ['and so long when nothing is.'], value: '5s' },
  ],
}

const governance: DraftNode = {
  key: 'governance',
  comment: ['Rules for kinds of data. `warn` counts who breaks them, `enforce` keeps them; caps hold in both.'],
  value: [
    { key: 'mode', value: 'warn' },
    {
      key: 'dataClasses',
      value: [
        {
          key: 'reference',
          comment: ['Changes seldom.'],
          value: [
            { key: 'ttl', value: '1h' },
            { key: 'maxTtl', comment: ['Never kept longer, in any tier, whatever is asked.'], value: '1d' },
          ],
        },
      ],
    },
  ],
}

const namespaces: DraftNode = {
  key: 'namespaces',
  comment: ["A key space each, with rules of its own: manager.namespace('catalog')."],
  value: [
    {
      key: 'catalog',
      comment: ['An example: rename it, or replace it.'],
      value: [{ key: 'dataClass', value: 'reference' }],
    },
  ],
}

function headOf({ framework }: Detected): readonly string[] {
  const made =
    framework === undefined ? [] : [`Made for a project with ${framework}: create the manager once, when it starts.`]
  return [
    'Configuration of the cache.',
    ...made,
    `Every option: ${guide} of tierwise. Check it: tierwise config check --all-profiles`,
  ]
}

/** The name of a package, without its scope and without what a key may not have. */
function prefixOf(name: string | undefined): string {
  const plain = (name ?? '')
    .replace(/^@[^/]*\//, '')
    .replace(/[^\w.-]+/g, '-')
    .slice(0, 40)
  return plain === '' ? 'tw' : plain
}
