import { describe, expect, it } from 'vitest'
import {
  judgeHitRate,
  judgeNode,
  statusOf,
  type HealthLimits,
} from '../../../../src/clients/redis/manager/health-rules.ts'
import { parseInfo } from '../../../../src/clients/redis/manager/info.ts'
import { describeNode } from '../../../../src/clients/redis/manager/node-health.ts'

const limits: HealthLimits = {
  latencyMs: 100,
  memory: 0.9,
  hitRate: 0.5,
  lookups: 1000,
  clients: 0.9,
  replicationLagMs: 10_000,
}
const quiet = { hits: 0, misses: 0, evicted: 0 }

interface Told {
  readonly info?: Readonly<Record<string, string | number>>
  readonly config?: Readonly<Record<string, string>>
  readonly cluster?: string
  readonly latencyMs?: number
}

/** What is found when a server tells this beside a limit of its memory. */
function found({ info = {}, config = {}, cluster, latencyMs = 1 }: Told): readonly string[] {
  const lines = Object.entries({ role: 'master', maxmemory: 1000, used_memory: 1, ...info })
  const node = describeNode(
    {
      address: 'here:6379',
      latencyMs,
      info: parseInfo(lines.map(([name, value]) => `${name}:${value}\r\n`).join('')),
      config: new Map(Object.entries(config)),
      cluster: parseInfo(cluster === undefined ? '' : `cluster_state:${cluster}\r\n`),
    },
    quiet,
  )
  return judgeNode(node, limits).map(({ code, severity }) => `${code} ${severity}`)
}

describe('judgeNode', () => {
  it.each<[string, Told, string[]]>([
    ['a server in order', {}, []],
    ['a PING of 100 ms', { latencyMs: 100 }, []],
    ['a PING of 101 ms', { latencyMs: 101 }, ['latency-high warning']],
    [
      'no limit of memory, however much is used',
      { info: { maxmemory: 0, used_memory: 1e12 } },
      ['memory-unlimited info'],
    ],
    ['90 % of the memory', { info: { used_memory: 900, maxmemory_policy: 'noeviction' } }, []],
    ['91 % without eviction', { info: { used_memory: 910, maxmemory_policy: 'noeviction' } }, ['memory-high warning']],
    [
      '91 % with volatile-lru',
      { info: { used_memory: 910, maxmemory_policy: 'volatile-lru' } },
      ['memory-high warning'],
    ],
    ['91 % with allkeys-lru', { info: { used_memory: 910, maxmemory_policy: 'allkeys-lru' } }, ['memory-full info']],
    [
      'all memory without eviction',
      { info: { used_memory: 1000, maxmemory_policy: 'noeviction' } },
      ['memory-high critical'],
    ],
    ['91 % of the clients', { info: { connected_clients: 91, maxclients: 100 } }, ['clients-high warning']],
    ['90 % of the clients', { info: { connected_clients: 90, maxclients: 100 } }, []],
    ['clients of an old server that hides the limit', { info: { connected_clients: 1e6 } }, []],
    [
      'a replica',
      { info: { role: 'slave', master_link_status: 'up', master_last_io_seconds_ago: 1 } },
      ['read-only critical'],
    ],
    [
      'a replica without a primary',
      { info: { role: 'slave', master_link_status: 'down', master_last_io_seconds_ago: -1 } },
      ['read-only critical', 'replica-link-down warning'],
    ],
    [
      'the slowest of two replicas',
      {
        info: {
          slave0: 'ip=::1,port=1,state=online,offset=1,lag=0',
          slave1: 'ip=::1,port=2,state=online,offset=1,lag=11',
        },
      },
      ['replication-late warning'],
    ],
    ['loading', { info: { loading: 1 } }, ['loading critical']],
    ['a failed snapshot', { info: { rdb_last_bgsave_status: 'err' } }, ['snapshot-failed warning']],
    [
      'a failed snapshot that stops writes',
      { info: { rdb_last_bgsave_status: 'err' }, config: { save: '900 1', 'stop-writes-on-bgsave-error': 'yes' } },
      ['snapshot-failed critical'],
    ],
    [
      'a failed snapshot without rules, which stops nothing',
      { info: { rdb_last_bgsave_status: 'err' }, config: { save: '', 'stop-writes-on-bgsave-error': 'yes' } },
      ['snapshot-failed warning'],
    ],
    [
      'a failed write of the file',
      { info: { aof_enabled: 1, aof_last_write_status: 'err' } },
      ['append-only-failed critical'],
    ],
    [
      'a failed rewrite of the file',
      { info: { aof_enabled: 1, aof_last_bgrewrite_status: 'err' } },
      ['append-only-failed warning'],
    ],
    ['a failure of a file that is off', { info: { aof_enabled: 0, aof_last_write_status: 'err' } }, []],
    ['a cluster in order', { cluster: 'ok' }, []],
    ['a cluster without a majority', { cluster: 'fail' }, ['cluster-down critical']],
  ])('finds in %s what it says', (_, told, codes) => {
    expect(found(told)).toEqual(codes)
  })
})

describe('judgeHitRate', () => {
  it.each([
    ['49 % of 1001 look-ups', { hits: 490, misses: 511 }, ['hit-rate-low']],
    ['49 % of 1000 look-ups', { hits: 490, misses: 510 }, []],
    ['50 % of 2000 look-ups', { hits: 1000, misses: 1000 }, []],
    ['no look-ups', { hits: 0, misses: 0 }, []],
  ])('judges %s', (_, lookups, codes) => {
    expect(judgeHitRate(lookups, limits).map(({ code }) => code)).toEqual(codes)
  })
})

describe('statusOf', () => {
  it('is what the worst finding is', () => {
    const of = (...severities: ('info' | 'warning' | 'critical')[]): string =>
      statusOf(
        severities.map((severity) => ({ severity, code: 'loading', address: undefined, message: '', advice: '' })),
      )
    expect([of(), of('info'), of('info', 'warning'), of('warning', 'critical', 'info')]).toEqual([
      'healthy',
      'healthy',
      'degraded',
      'unhealthy',
    ])
  })
})
