import { numberOf, parseFields, type RedisInfo } from './info.ts'

/** What one server tells of itself. A fact that it hides is undefined, or `'unknown'` where it is a word. */
export interface RedisNodeHealth {
  /** `host:port`. */
  readonly address: string
  /** Milliseconds of a PING, the middle one of three; undefined when it did not answer. */
  readonly latencyMs: number | undefined
  readonly role: 'primary' | 'replica' | 'unknown'
  readonly version: string
  readonly uptimeSeconds: number | undefined
  /** Changes when the server restarts. */
  readonly runId: string
  readonly memory: {
    readonly usedBytes: number | undefined
    /** `maxmemory`; undefined when there is no limit or it is hidden. */
    readonly maxBytes: number | undefined
    /** `maxmemory-policy`, for example `allkeys-lru`. */
    readonly evictionPolicy: string
  }
  readonly clients: { readonly connected: number | undefined; readonly max: number | undefined }
  /** Look-ups by all clients of the server since the check before. */
  readonly lookups: { readonly hits: number; readonly misses: number; readonly evicted: number }
  readonly replication: {
    /** Replicas that follow this primary. */
    readonly replicas: number | undefined
    /** Of a replica: whether it hears its primary. */
    readonly link: 'up' | 'down' | 'unknown'
    /** Seconds since the slowest replica, or the primary of this replica, was heard. */
    readonly lagSeconds: number | undefined
  }
  readonly persistence: {
    /** Whether the data is being read from disk now. */
    readonly loading: boolean
    /** Of the last RDB snapshot. */
    readonly snapshot: 'ok' | 'failed' | 'unknown'
    /** The rules of `save`, for example `900 1 300 10`; empty for none. */
    readonly snapshotRules: string
    readonly appendOnly: 'on' | 'off' | 'unknown'
    /** Of the last write to the append-only file. */
    readonly appendOnlyWrite: 'ok' | 'failed' | 'unknown'
    /** Of its last rewrite. */
    readonly appendOnlyRewrite: 'ok' | 'failed' | 'unknown'
    /** `appendfsync`, for example `everysec`. */
    readonly appendOnlySync: string
    /** Whether the server refuses writes after a failed snapshot. */
    readonly refusesWritesAfterFailure: 'yes' | 'no' | 'unknown'
  }
  /** `cluster_state`; undefined outside of a cluster. */
  readonly cluster: 'ok' | 'fail' | undefined
}

/** What was read from one server. An empty map stands for a reply that the server refused. */
export interface NodeReading {
  readonly address: string
  readonly latencyMs: number | undefined
  readonly info: RedisInfo
  readonly config: RedisInfo
  readonly cluster: RedisInfo
}

/** Orders the readings of one server; `lookups` comes from the comparison with the reading before. */
export function describeNode(reading: NodeReading, lookups: RedisNodeHealth['lookups']): RedisNodeHealth {
  const { address, latencyMs, info, cluster } = reading
  return {
    address,
    latencyMs,
    role: roleOf(info),
    version: info.get('valkey_version') ?? info.get('redis_version') ?? 'unknown',
    uptimeSeconds: numberOf(info, 'uptime_in_seconds'),
    runId: info.get('run_id') ?? 'unknown',
    memory: {
      usedBytes: numberOf(info, 'used_memory'),
      // 0 means without a limit.
      maxBytes: numberOf(info, 'maxmemory') || undefined,
      evictionPolicy: info.get('maxmemory_policy') ?? 'unknown',
    },
    clients: { connected: numberOf(info, 'connected_clients'), max: numberOf(info, 'maxclients') },
    lookups,
    replication: replicationOf(info),
    persistence: persistenceOf(reading),
    cluster: cluster.has('cluster_state') ? (cluster.get('cluster_state') === 'ok' ? 'ok' : 'fail') : undefined,
  }
}

function roleOf(info: RedisInfo): RedisNodeHealth['role'] {
  const role = info.get('role')
  if (role === undefined) return 'unknown'
  return role === 'master' ? 'primary' : 'replica'
}

function replicationOf(info: RedisInfo): RedisNodeHealth['replication'] {
  const link = info.get('master_link_status')
  const lags = [...info]
    .filter(([name]) => /^slave\d+$/.test(name))
    .map(([, value]) => numberOf(parseFields(value), 'lag') ?? 0)
  const slowest = lags.length > 0 ? Math.max(...lags) : undefined
  return {
    replicas: numberOf(info, 'connected_slaves'),
    link: link === undefined ? 'unknown' : link === 'up' ? 'up' : 'down',
    lagSeconds: link === undefined ? slowest : numberOf(info, 'master_last_io_seconds_ago'),
  }
}

function persistenceOf({ info, config }: NodeReading): RedisNodeHealth['persistence'] {
  const enabled = info.get('aof_enabled')
  const stops = config.get('stop-writes-on-bgsave-error')
  return {
    loading: info.get('loading') === '1',
    snapshot: stateOf(info.get('rdb_last_bgsave_status')),
    snapshotRules: config.get('save') ?? 'unknown',
    appendOnly: enabled === undefined ? 'unknown' : enabled === '1' ? 'on' : 'off',
    appendOnlyWrite: stateOf(info.get('aof_last_write_status')),
    appendOnlyRewrite: stateOf(info.get('aof_last_bgrewrite_status')),
    appendOnlySync: config.get('appendfsync') ?? 'unknown',
    refusesWritesAfterFailure: stops === 'yes' || stops === 'no' ? stops : 'unknown',
  }
}

function stateOf(status: string | undefined): 'ok' | 'failed' | 'unknown' {
  if (status === undefined) return 'unknown'
  return status === 'ok' ? 'ok' : 'failed'
}
