import * as z from 'zod'
import type {
  RedisAddress,
  RedisBackoffOptions,
  RedisClusterOptions,
  RedisHeartbeatOptions,
  RedisSentinelOptions,
  RedisTlsOptions,
} from '../../clients/redis/options.ts'
import type { CompressionOptions } from '../../contract/tier.ts'
import type {
  DiskTierConfig,
  MemoryTierConfig,
  PostgresTierConfig,
  PostgresTlsConfig,
  PostgresViewConfig,
  PostgresViewsTierConfig,
  RedisTierConfig,
  TierConfig,
} from '../tierwise-config.ts'
import * as leaf from './leaves.ts'
import { byName, either, listOf, oneOf, section, share, wholeNumber } from './leaves.ts'
import type { Leaf, Section, Shape } from './leaves.ts'

/** The types of tiers that a file can have, each with its options. */

const port = wholeNumber(1, 65_535)

const compression = either<CompressionOptions | false>(
  [
    leaf.off,
    section<CompressionOptions>('CompressionOptions', {
      algorithm: oneOf('gzip', 'deflate', 'brotli', 'zstd'),
      threshold: wholeNumber(0),
      level: wholeNumber(-7, 22),
    }),
  ],
  'an object of compression options, or false',
)

const memory: Shape<MemoryTierConfig> = { type: z.literal('memory'), maxBytes: leaf.size, maxEntries: wholeNumber(1) }

const nodes = listOf(
  section<RedisAddress>('RedisAddress', { host: leaf.text, port }, ['host']),
  'a list of addresses, with at least one',
  1,
)

const tls = section<RedisTlsOptions>('RedisTlsOptions', {
  ca: leaf.text,
  cert: leaf.text,
  key: leaf.text,
  servername: leaf.text,
  minVersion: oneOf('TLSv1.2', 'TLSv1.3'),
  rejectUnauthorized: leaf.boolean,
})

const redis: Shape<RedisTierConfig> = {
  type: z.literal('redis'),
  url: leaf.text,
  host: leaf.text,
  port,
  db: wholeNumber(0, 65_535),
  username: leaf.text,
  password: leaf.text,
  tls: either([leaf.boolean, tls], 'true, false, or an object of TLS options'),
  sentinel: section<RedisSentinelOptions>(
    'RedisSentinelOptions',
    { name: leaf.text, nodes, username: leaf.text, password: leaf.text, tls: leaf.boolean },
    ['name', 'nodes'],
  ),
  cluster: section<RedisClusterOptions>('RedisClusterOptions', { nodes }, ['nodes']),
  client: oneOf('ioredis', 'node-redis', 'iovalkey'),
  connections: wholeNumber(1, 50),
  connectTimeout: leaf.duration,
  readFrom: oneOf('primary', 'replica'),
  backoff: section<RedisBackoffOptions>('RedisBackoffOptions', {
    initial: leaf.duration,
    max: leaf.duration,
    jitter: share(),
  }),
  heartbeat: either(
    [
      leaf.off,
      section<RedisHeartbeatOptions>('RedisHeartbeatOptions', { interval: leaf.duration, timeout: leaf.duration }),
    ],
    'false, or an object with interval and timeout',
  ),
  compression,
  scope: oneOf('fleet', 'host'),
  lanes: wholeNumber(1, 4096),
  tombstoneTtl: leaf.duration,
  tracking: either([leaf.boolean, leaf.texts], 'true, false, or a list of texts'),
  maxReplicaLag: leaf.duration,
}

const quota = leaf.sizeFrom(1024 ** 2, "a size of at least '1mb', such as '512mb' or '2gb'")

const disk: Shape<DiskTierConfig> = {
  type: z.literal('disk'),
  path: leaf.text,
  maxBytes: quota,
  durability: oneOf('none', 'flush', 'fsync'),
  compression,
}

const postgresTls = section<PostgresTlsConfig>('PostgresTlsConfig', {
  ca: leaf.text,
  cert: leaf.text,
  key: leaf.text,
  servername: leaf.text,
  rejectUnauthorized: leaf.boolean,
})

const postgresUrl = 'a URL like postgres://user@host:5432/database'
const connection = {
  url: z.string({ error: postgresUrl }).regex(/^postgres(?:ql)?:\/\//, { error: postgresUrl }),
  dataDir: leaf.text,
  package: oneOf('pg', 'postgres'),
  prepare: leaf.boolean,
  maxConnections: wholeNumber(1),
  connectTimeout: leaf.duration,
  statementTimeout: leaf.duration,
  tls: either<boolean | PostgresTlsConfig>([leaf.boolean, postgresTls], 'true, false, or an object of TLS options'),
}

const postgres: Shape<PostgresTierConfig> = {
  type: z.literal('postgres'),
  ...connection,
  schema: leaf.nameOf(63),
  table: leaf.nameOf(40),
  logged: leaf.boolean,
  migrate: leaf.boolean,
  maxBytes: quota,
  sweepInterval: leaf.duration,
  bus: leaf.boolean,
  compression,
}

const view = section<PostgresViewConfig>(
  'PostgresViewConfig',
  {
    view: leaf.text,
    key: either([leaf.text, listOf(leaf.text, 'columns', 1)], 'a column or a list of columns'),
    value: leaf.text,
    ttl: leaf.lifetime,
    grace: leaf.durationOrOff,
    refreshEvery: leaf.duration,
  },
  ['view', 'key'],
)

const views: Shape<PostgresViewsTierConfig> = {
  type: z.literal('postgres-views'),
  ...connection,
  views: byName(view, 'an object of views by namespace'),
  schema: leaf.nameOf(63),
  refreshTimeout: leaf.duration,
}

const typed = {
  memory: section<MemoryTierConfig>('MemoryTierConfig', memory, ['type']),
  redis: section<RedisTierConfig>('RedisTierConfig', redis, ['type']),
  disk: section<DiskTierConfig>('DiskTierConfig', disk, ['type', 'path']),
  postgres: section<PostgresTierConfig>('PostgresTierConfig', postgres, ['type']),
  'postgres-views': section<PostgresViewsTierConfig>('PostgresViewsTierConfig', views, ['type', 'views']),
} satisfies { readonly [T in TierConfig['type']]: Section<Extract<TierConfig, { readonly type: T }>> }

/** The types of tiers, in the order in which messages name them. */
export const tierTypes: readonly TierConfig['type'][] = Object.keys(typed) as TierConfig['type'][]

/** A tier whose type is known. */
export const tier: Leaf<TierConfig> = z.discriminatedUnion(
  'type',
  Object.values(typed) as unknown as [z.ZodObject, z.ZodObject],
  {
    error: ({ code }: { readonly code?: string }) =>
      code === 'invalid_type' ? 'an object of options' : `one of ${tierTypes.map((type) => `'${type}'`).join(', ')}`,
  },
) as unknown as Leaf<TierConfig>

/** The options of each type, for descriptions of the file. */
export const tierSections: Readonly<Record<TierConfig['type'], z.ZodObject>> = typed
