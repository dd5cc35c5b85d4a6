import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCacheManager } from 'tierwise'
import { disk } from 'tierwise/disk'
import { memory } from 'tierwise/memory'
import { postgres } from 'tierwise/postgres'
import { redis } from 'tierwise/redis'
import { startPostgres, startRedis, startRedisCluster, type PostgresServer, type RedisServer } from 'tierwise/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileGlob } from '../src/report/glob.ts'
import { projectWith, runProgram } from './run-program.ts'
import { commandsDuring, harmless } from './watch-redis.ts'

interface Space {
  readonly entries: number
  readonly bytes: number
  readonly ended: number
  readonly broken: Readonly<Record<string, number>>
}

interface Tier {
  readonly tier: string
  readonly failure: string | null
  readonly complete: boolean
  readonly items: number
  readonly tombstones: number
  readonly broken: Readonly<Record<string, number>>
  readonly namespaces: Readonly<Record<string, Space>>
}

interface Answer {
  readonly tiers: readonly Tier[]
  readonly worstOffenders: readonly { readonly family: string; readonly count: number }[]
}

const entries = 1300

let cwd: string
let redisServer: RedisServer
let postgresServer: PostgresServer

/** Policies that came after what is stored. */
const policies = {
  strictNamespaces: true,
  governance: { dataClasses: { licensed: { maxTtl: '1h', license: 'ecoinvent' } } },
  namespaces: {
    factors: {
      maxTtl: '1d',
      ttl: '1h',
      keyFormat: '[a-z]+:.*',
      maxValueBytes: '5kb',
      maxKeyLength: 100,
      keyRules: [{ match: 'licensed:*', dataClass: 'licensed' }],
    },
    local: { tiers: ['memory', 'disk'] },
    moved: { version: 2 },
    settings: { ttl: 'forever' },
    tenants: { tenant: 'required' },
    sessions: { tiers: ['redis'], raw: { keyPrefix: 'sess:' } },
  },
}

beforeAll(async () => {
  cwd = projectWith({})
  ;[redisServer, postgresServer] = await Promise.all([
    startRedis({ dedicated: true }),
    startPostgres({ dedicated: true }),
  ])
  const tiers = {
    redis: { url: redisServer.url },
    disk: { path: 'cache' },
    postgres: { url: postgresServer.url },
  }
  writeFileSync(join(cwd, 'tierwise.config.json'), JSON.stringify({ tiers: { memory: {}, ...tiers }, ...policies }))
  const manager = createCacheManager({
    tiers: [redis(tiers.redis), disk({ path: join(cwd, 'cache') }), postgres(tiers.postgres)],
    defaults: { ttl: '1h' },
    tierTimeout: '5s',
  })
  await manager.start()
  const factors = manager.namespace('factors')
  await factors.setMany(Array.from({ length: entries }, (_, index) => [`steel:${index}`, index]))
  await factors.set('endless:1', 1, { ttl: 'forever' })
  await factors.set('late:1', 1, { ttl: '20d' })
  await factors.set('cut:1', 1, { ttl: '20d' })
  await factors.set('licensed:1', 1, { ttl: '2h' })
  await factors.set('BAD KEY', 1)
  await factors.set(`long:${'x'.repeat(100)}`, 1)
  await factors.set('big:1', 'x'.repeat(10_000))
  await manager.namespace('local').set('a', 1)
  await manager.namespace('moved').set('a', 1)
  await manager.namespace('settings').set('a', 1, { ttl: 'forever' })
  await manager.namespace('tenants').set('a', 1)
  await manager.namespace('strange').set('a', 1)
  await factors.delete('steel:0')
  await manager.stop()
  // Redis ends it sooner than its head says.
  await redisServer.command('PEXPIRE', 'tw:1:factors:cut:1', '3600000')
  await redisServer.command('SET', 'tw:mine', 'not of tierwise')
  await redisServer.command('RPUSH', 'tw:1:factors:list', 'not of tierwise')
  const cut = "redis.call('SET', KEYS[1], 'TR' .. string.char(1, 0) .. string.rep('x', 40))"
  await redisServer.command('EVAL', cut, '1', 'tw:1:factors:cut')
  await redisServer.command('SET', 'sess:1', '{}')
  await redisServer.command('SET', 'sess:2', '{}', 'EX', '60')
})

afterAll(async () => {
  await Promise.all([redisServer?.stop(), postgresServer?.stop()])
})

async function report(...args: readonly string[]): Promise<{ readonly code: number | null; readonly answer: Answer }> {
  const { code, stdout } = await runProgram(['report', '--json', ...args], { cwd })
  return { code, answer: JSON.parse(stdout) as Answer }
}

const broken = {
  license: 1,
  'ttl-too-long': 3,
  'key-format': 1,
  'key-too-long': 1,
  'tenant-missing': 1,
  'value-too-large': 1,
  'unknown-namespace': 1,
  'retired-version': 1,
}

describe('tierwise report', () => {
  it('holds what each tier stores against the policies', async () => {
    const { code, answer } = await report()
    const [first, second, third] = answer.tiers
    expect(code).toBe(1)
    expect(answer.tiers.map(({ tier, failure, complete }) => [tier, failure, complete])).toEqual([
      ['redis', null, true],
      ['disk', null, true],
      ['postgres', null, true],
    ])
    expect(first?.broken).toEqual({
      ...broken,
      'ttl-too-long': 2,
      'tier-not-allowed': 1,
      immortal: 1,
      foreign: 2,
      damaged: 1,
    })
    expect(second?.broken).toEqual(broken)
    expect(third?.broken).toEqual({ ...broken, 'tier-not-allowed': 1 })
    for (const { namespaces } of answer.tiers) {
      expect(namespaces['factors']?.entries).toBe(entries - 1 + 7)
      expect(namespaces['settings']).toMatchObject({ entries: 1, broken: {} })
    }
    expect(first?.namespaces['sessions']).toMatchObject({ entries: 2, bytes: 4, broken: { immortal: 1 } })
    expect(first?.tombstones).toBe(1)
  })

  it('names families of keys, the most frequent first, and no key', async () => {
    const { stdout } = await runProgram(['report'], { cwd })
    expect(stdout).toContain('# What is stored')
    expect(stdout).toContain('| ttl-too-long | 2 | lives longer than `maxTtl` |')
    expect(stdout).toContain('`licensed:*`')
    expect(stdout).not.toContain('licensed:1')
    const { answer } = await report()
    const counts = answer.worstOffenders.map(({ count }) => count)
    expect(counts).toEqual(counts.toSorted((a, b) => b - a))
  })

  it('looks at no more than it is told', async () => {
    const { answer } = await report('--limit', '100')
    expect(answer.tiers.map(({ items, complete }) => [items, complete])).toEqual([
      [100, false],
      [100, false],
      [100, false],
    ])
  })

  it('changes nothing', async () => {
    const digest = async () => [
      await redisServer.command('DEBUG', 'DIGEST').catch(() => redisServer.command('DBSIZE')),
      await postgresServer.query('select count(*), sum(hash), sum(version) from tierwise.entries'),
      createHash('sha256')
        .update(readFileSync(join(cwd, 'cache/data.mdb')))
        .digest('hex'),
      readdirSync(join(cwd, 'cache')).filter((name) => name !== 'data.mdb-lock'),
    ]
    const before = await digest()
    await redisServer.command('CONFIG', 'RESETSTAT')
    const commands = await commandsDuring(redisServer, () => report())
    expect(commands.filter((each) => !harmless.includes(each))).toEqual([])
    expect(commands).toContain('GETRANGE')
    expect(await digest()).toEqual(before)
  })

  it('sees the entries of a disk tier that an application has open', async () => {
    const folder = projectWith({ 'tierwise.config.json': JSON.stringify({ tiers: { disk: { path: 'cache' } } }) })
    const manager = createCacheManager({ tiers: [disk({ path: join(folder, 'cache') })] })
    await manager.start()
    await manager.namespace('factors').set('steel', 1.9)
    const { code, stdout } = await runProgram(['report', '--json'], { cwd: folder })
    await manager.namespace('factors').set('tin', 1)
    expect(await manager.namespace('factors').get('steel')).toBe(1.9)
    await manager.stop()
    expect(code).toBe(0)
    expect((JSON.parse(stdout) as Answer).tiers[0]?.namespaces['factors']?.entries).toBe(1)
  })

  it('does not open a damaged database, which would end the process', async () => {
    const folder = projectWith({ 'tierwise.config.json': JSON.stringify({ tiers: { disk: { path: 'cache' } } }) })
    const manager = createCacheManager({ tiers: [disk({ path: join(folder, 'cache') })] })
    await manager.start()
    await manager.namespace('factors').setMany(Array.from({ length: 500 }, (_, at) => [`key:${at}`, 'x'.repeat(100)]))
    await manager.stop()
    const file = join(folder, 'cache/data.mdb')
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0xee, 8192))
    const { code, stdout } = await runProgram(['report', '--json'], { cwd: folder })
    expect(code).toBe(1)
    expect((JSON.parse(stdout) as Answer).tiers[0]?.failure).toContain('cannot be read')
  })

  it('sees every primary of a cluster', async () => {
    await using cluster = await startRedisCluster({ replicas: 0 })
    const nodes = cluster.nodes.slice(0, 1).map(({ host, port }) => ({ host, port }))
    const manager = createCacheManager({ tiers: [redis({ cluster: { nodes } })], tierTimeout: '5s' })
    await manager.start()
    const keys = Array.from({ length: 300 }, (_, index) => [`key:${index}`, index] as const)
    await manager.namespace('factors').setMany(keys)
    await manager.stop()
    const config = { tiers: { redis: { cluster: { nodes } } } }
    const folder = projectWith({ 'tierwise.config.json': JSON.stringify(config) })
    const { stdout, code } = await runProgram(['report', '--json'], { cwd: folder })
    expect((JSON.parse(stdout) as Answer).tiers[0]?.namespaces['factors']?.entries).toBe(300)
    expect(code).toBe(0)
  })

  it('says which tier could not be read, and goes on with the others', async () => {
    const config = { tiers: { redis: { host: '127.0.0.1', port: 1 }, disk: { path: 'cache' } } }
    const folder = projectWith({ 'tierwise.config.json': JSON.stringify(config) })
    const { code, stdout } = await runProgram(['report', '--json'], { cwd: folder })
    expect(code).toBe(1)
    const { tiers } = JSON.parse(stdout) as Answer
    expect(tiers.map(({ failure }) => failure !== null)).toEqual([true, false])
    expect(tiers[0]?.failure).toContain('ECONNREFUSED')
  })

  it.each(['0', '-1', '1.5', 'many'])('refuses a limit of %s', async (limit) => {
    expect((await runProgram(['report', `--limit=${limit}`], { cwd })).code).toBe(2)
  })
})

describe('tierwise report --input', () => {
  it('renders what the manager of an application has reported', async () => {
    const manager = createCacheManager({
      tiers: [memory()],
      governance: { mode: 'warn' },
      namespaces: { factors: { maxTtl: '1h', keyFormat: '[a-z]+' } },
    })
    await manager.namespace('factors').set('BAD', 1, { ttl: '2h' })
    const folder = projectWith({ 'governance.json': JSON.stringify(manager.governanceReport()) })
    await manager.stop()
    const { code, stdout, stderr } = await runProgram(['report', '--input', 'governance.json'], { cwd: folder })
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toContain('# Governance')
    expect(stdout).toContain('key-format')
  })

  it.each([
    { content: '{', says: 'is no JSON' },
    { content: '[]', says: 'is no governance report' },
    { content: '{"violations": {}}', says: 'is no governance report' },
    { content: undefined, says: 'cannot be read' },
  ])('says that the file $says', async ({ content, says }) => {
    const folder = projectWith(content === undefined ? {} : { 'report.json': content })
    const { code, stdout, stderr } = await runProgram(['report', '--input', 'report.json'], { cwd: folder })
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toContain(`report.json ${says}`)
  })
})

describe('patterns of key rules', () => {
  it.each([
    ['steel:*', 'steel:1', true],
    ['steel:*', 'tin:1', false],
    ['?', 'a', true],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['a.c', 'abc', false],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a/*', 'a/b/c', true],
  ])('%s on %s: %s', (pattern, key, fits) => {
    expect(compileGlob(pattern)(key)).toBe(fits)
  })
})
