import { describe, expect, it } from 'vitest'
import { judgeDisk, type DiskReading } from '../src/doctor/examine-disk.ts'
import { judgePostgres, type PostgresNeeds } from '../src/doctor/postgres/postgres-rules.ts'
import type { PostgresReading } from '../src/doctor/postgres/read-postgres.ts'
import { deploymentFindings } from '../src/doctor/redis/deployment-rules.ts'
import { healthFindings, securityFindings } from '../src/doctor/redis/manager-findings.ts'
import type { RedisNeeds } from '../src/doctor/redis/needs.ts'
import type { NodeReading } from '../src/doctor/redis/node-probe.ts'
import { judgeNode } from '../src/doctor/redis/node-rules.ts'
import type { Finding } from '../src/doctor/finding.ts'

/** What no server at hand can be made to say. */
const told = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ severity, code }) => `${severity} ${code}`)

const megabyte = 1024 ** 2

describe('the rules for a Redis', () => {
  const needs: RedisNeeds = {
    prefix: 'tw',
    coherent: ['*'],
    endless: [],
    hasJournal: true,
    tracks: false,
    topology: 'single',
    lanes: 64,
    tierTimeoutMs: 250,
  }
  const info = {
    redis_version: '7.2.4',
    role: 'master',
    cluster_enabled: '0',
    used_memory: String(10 * megabyte),
    connected_slaves: '0',
    aof_enabled: '1',
  }
  const config = {
    maxmemory: String(100 * megabyte),
    'maxmemory-policy': 'volatile-lru',
    save: '',
    'min-replicas-to-write': '0',
  }

  interface Differences {
    readonly info?: Readonly<Record<string, string>>
    readonly config?: Readonly<Record<string, string>>
    readonly rest?: Partial<NodeReading>
  }

  const reading = (differences: Differences = {}): NodeReading => ({
    address: 'cache.internal:6379',
    latency: { p50: 0.3, max: 1 },
    clock: { offsetMs: 2, errorMs: 1 },
    info: new Map(Object.entries({ ...info, ...differences.info })),
    config: new Map(Object.entries({ ...config, ...differences.config })),
    cluster: new Map(),
    rights: { user: 'cache', missing: [] },
    hidden: [],
    ...differences.rest,
  })

  it('have nothing against a good one', () => {
    expect(judgeNode(reading(), needs)).toEqual([])
  })

  it.each<readonly [string, Differences, string]>([
    ['6.0', { info: { redis_version: '6.0.16' } }, 'failure version-old'],
    ['5', { info: { redis_version: '5.0.3' } }, 'failure version-old'],
    ['slow', { rest: { latency: { p50: 300, max: 400 } } }, 'failure latency'],
    ['slow at times', { rest: { latency: { p50: 1, max: 260 } } }, 'warning latency'],
    ['rather slow', { rest: { latency: { p50: 60, max: 80 } } }, 'advice latency'],
    ['nearly full', { info: { used_memory: String(95 * megabyte) } }, 'advice memory-full'],
    ['alone after a failover', { info: { connected_slaves: '1' } }, 'advice failover-loss'],
    ['ahead', { rest: { clock: { offsetMs: 1500, errorMs: 100 } } }, 'warning clock'],
    ['far behind', { rest: { clock: { offsetMs: -40_000, errorMs: 100 } } }, 'failure clock'],
    ['mute', { rest: { hidden: ['CONFIG GET'] } }, 'advice facts-hidden'],
  ])('find one that is %s', (_name, differences, expected) => {
    expect(told(judgeNode(reading(differences), needs))).toEqual([expected])
  })

  it.each(['6.2.0', '7.0.0', '8.1.1', '10.0.0'])('accept version %s', (version) => {
    expect(judgeNode(reading({ info: { redis_version: version } }), needs)).toEqual([])
  })

  it('ask for the version of Valkey, not for the one that it pretends', () => {
    expect(judgeNode(reading({ info: { redis_version: '7.2.4', valkey_version: '8.0.1' } }), needs)).toEqual([])
  })

  it('leave a clock alone that is as near as can be told', () => {
    expect(judgeNode(reading({ rest: { clock: { offsetMs: 1500, errorMs: 600 } } }), needs)).toEqual([])
  })

  it('ask for no persistence where a journal or nothing depends on it', () => {
    const forgetful = reading({ info: { aof_enabled: '0' } })
    expect(told(judgeNode(forgetful, { ...needs, hasJournal: false }))).toEqual(['advice persistence-off'])
    expect(judgeNode(forgetful, needs)).toEqual([])
    expect(judgeNode(forgetful, { ...needs, hasJournal: false, coherent: [] })).toEqual([])
  })

  it('hold the clocks of primaries against each other', () => {
    const pair = [reading(), reading({ rest: { clock: { offsetMs: -3000, errorMs: 1 } } })]
    expect(told(deploymentFindings(pair, needs))).toEqual(['warning clocks-apart'])
    expect(deploymentFindings([reading(), reading()], needs)).toEqual([])
  })

  it('take strangers and refused certificates for failures, and a missing encryption for a warning', () => {
    const codes = ['no-authentication', 'certificate-expired', 'unencrypted', 'verification-off'] as const
    const findings = codes.map((code) => ({ code, severity: 'critical' as const, message: '', advice: '' }))
    expect(told(securityFindings({ findings } as unknown as Parameters<typeof securityFindings>[0]))).toEqual([
      'failure security-no-authentication',
      'failure security-certificate-expired',
      'warning security-unencrypted',
      'warning security-verification-off',
    ])
  })

  it('take over what the health check finds, but for what they judge themselves', () => {
    const codes = ['append-only-failed', 'memory-high', 'clients-high'] as const
    const severities = ['critical', 'critical', 'warning'] as const
    const findings = codes.map((code, index) => ({
      code,
      severity: severities[index],
      message: '',
      advice: '',
      address: undefined,
    }))
    expect(told(healthFindings({ findings } as unknown as Parameters<typeof healthFindings>[0]))).toEqual([
      'failure append-only-failed',
      'warning clients-high',
    ])
  })
})

describe('the rules for a PostgreSQL', () => {
  const table = { name: 'entries', exists: true, isLogged: false, hasRights: true, bytes: 1000, estimatedRows: 10 }
  const good: PostgresReading = {
    latency: { p50: 1, max: 3 },
    clock: { offsetMs: 0, errorMs: 1 },
    server: {
      version: '15.1',
      versionNumber: 150_001,
      role: 'app',
      isSuperuser: false,
      isStandby: false,
      isReadOnly: false,
      isEncrypted: true,
      hasAutovacuum: true,
      maxConnections: 100,
      connections: 5,
      mayCreateSchema: false,
    },
    schema: { exists: true, mayUse: true, mayCreate: false },
    tables: [table],
  }
  const needs: PostgresNeeds = { options: {}, schema: 'tierwise', listens: true, tierTimeoutMs: 250, isLoopback: false }
  const server = (differences: Partial<PostgresReading['server']>): PostgresReading => ({
    ...good,
    server: { ...good.server, ...differences },
  })

  it('have nothing against a good one', () => {
    expect(judgePostgres(good, needs)).toEqual([])
  })

  it.each<readonly [string, PostgresReading, string]>([
    ['old', server({ versionNumber: 130_009 }), 'failure version-old'],
    ['a standby', server({ isStandby: true }), 'failure read-only'],
    ['read-only', server({ isReadOnly: true }), 'failure read-only'],
    ['without autovacuum', server({ hasAutovacuum: false }), 'warning autovacuum-off'],
    ['nearly out of connections', server({ connections: 85 }), 'warning connections'],
    ['not encrypted', server({ isEncrypted: false }), 'warning unencrypted'],
    ['slow', { ...good, latency: { p50: 300, max: 400 } }, 'failure latency'],
    ['slow at times', { ...good, latency: { p50: 1, max: 400 } }, 'warning latency'],
    ['late', { ...good, clock: { offsetMs: -5000, errorMs: 10 } }, 'warning clock'],
    ['swollen', { ...good, tables: [{ ...table, bytes: 3 * 1024 ** 3 }] }, 'warning table-large'],
  ])('find one that is %s', (_name, reading, expected) => {
    expect(told(judgePostgres(reading, needs))).toEqual([expected])
  })

  it('find a pooler over which nobody can listen', () => {
    const options = { prepare: false }
    expect(told(judgePostgres(good, { ...needs, options }))).toEqual(['warning listen'])
    expect(judgePostgres(good, { ...needs, options, listens: false })).toEqual([])
  })

  it('need no encryption on one host', () => {
    expect(judgePostgres(server({ isEncrypted: false }), { ...needs, isLoopback: true })).toEqual([])
  })
})

describe('the rules for a folder', () => {
  const good: DiskReading = {
    folder: '/var/cache/app',
    nearest: '/var/cache/app',
    exists: true,
    isFolder: true,
    canWrite: true,
    freeBytes: 500 * megabyte,
    fileSystem: { name: 'ext4', kind: 'local' },
    usedBytes: 10 * megabyte,
    quotaBytes: 100 * megabyte,
    quarantines: [],
    layout: 1,
    hasLmdb: true,
  }

  it('have nothing against a good one', () => {
    expect(judgeDisk(good)).toEqual([])
  })

  it.each<readonly [string, Partial<DiskReading>, string]>([
    ['a network file system', { fileSystem: { name: 'NFS', kind: 'network' } }, 'failure file-system'],
    ['memory', { fileSystem: { name: 'tmpfs', kind: 'memory' } }, 'warning file-system'],
    ['a layer', { fileSystem: { name: 'overlayfs', kind: 'layer' } }, 'advice file-system'],
    ['full', { freeBytes: 1000 }, 'failure space'],
    ['too small', { freeBytes: 50 * megabyte }, 'warning space'],
    ['a little small', { freeBytes: 120 * megabyte }, 'advice space'],
    ['overgrown', { usedBytes: 300 * megabyte }, 'advice file-large'],
    ['without its package', { hasLmdb: false }, 'failure package-missing'],
  ])('find one that is %s', (_name, differences, expected) => {
    expect(told(judgeDisk({ ...good, ...differences }))).toEqual([expected])
  })
})
