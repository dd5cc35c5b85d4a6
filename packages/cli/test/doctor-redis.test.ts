import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRedis, startRedisCluster, startRedisSentinel, type RedisServer } from 'tierwise/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { diagnose, projectOf } from './doctor-project.ts'
import { runProgram } from './run-program.ts'
import { commandsDuring, harmless } from './watch-redis.ts'

const password = 'a-long-password-for-tests'
/** As the guide has it, and the questions of an administrator. */
const rights =
  '~tw:* ~~tw:* ~{tw:* &{tw:* +@connection +get +mget +set +unlink +del +getrange +setrange +zadd +zscore ' +
  '+zrangebyscore +hget +hgetall +hmget +hset +hsetnx +hincrby +hdel +hscan +hlen +xadd +xrange +publish +subscribe ' +
  '+persist +pexpire +pttl +exists +scan +dbsize +time +info +evalsha +eval +cluster'
const questions = '+config|get +acl|whoami +acl|getuser +acl|dryrun +strlen'

let good: RedisServer
let open: RedisServer

beforeAll(async () => {
  const config = {
    maxmemory: '256mb',
    'maxmemory-policy': 'volatile-lru',
    appendonly: 'yes',
  }
  const users = {
    cache: `on >${password} ${rights} ${questions}`,
    poor: `on >${password} ${rights.replace('+xadd ', '')} ${questions}`,
    shy: `on >${password} ${rights}`,
    reader: `on >${password} ~* &* +@read +@connection +info +time ${questions}`,
  }
  ;[good, open] = await Promise.all([
    startRedis({ dedicated: true, password, users, config }),
    startRedis({ dedicated: true }),
  ])
})

afterAll(async () => {
  await Promise.all([good?.stop(), open?.stop()])
})

const tierOf = (server: RedisServer, username?: string): object => ({
  host: server.host,
  port: server.port,
  ...(server.password === undefined ? {} : { password }),
  ...(username === undefined ? {} : { username }),
})

describe('tierwise doctor on one Redis', () => {
  it.each(['ioredis', 'node-redis', 'iovalkey'])('has nothing against a good server, over %s', async (client) => {
    const { code, tier, found, stderr } = await diagnose('redis', { ...tierOf(good, 'cache'), client })
    expect(found.filter((each) => !each.startsWith('advice'))).toEqual([])
    expect(found).toEqual(['advice no-journal', 'advice security-unencrypted'])
    expect({ code, stderr, reachable: tier.reachable }).toEqual({ code: 0, stderr: '', reachable: true })
    expect(tier.facts['client']).toBe(client)
    const [facts] = Object.values(tier.servers)
    expect(facts).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+/),
      role: 'primary, standalone',
      latency: expect.stringMatching(/ms \(at most .*ms\)$/),
      clock: expect.stringMatching(/the same|ahead|behind/),
      memory: expect.stringContaining('of 256 MiB'),
      eviction: 'volatile-lru',
      persistence: expect.stringContaining('AOF everysec'),
      user: 'cache',
    })
  })

  it('sends nothing but questions', async () => {
    await good.command('SET', 'tw:1:x:y', 'z')
    await good.command('CONFIG', 'RESETSTAT')
    const before = await Promise.all([good.command('CONFIG', 'GET', '*'), good.command('DBSIZE')])
    const commands = await commandsDuring(good, () => diagnose('redis', tierOf(good)))
    expect(commands.length).toBeGreaterThan(20)
    expect(commands.filter((each) => !harmless.includes(each))).toEqual([])
    expect(await Promise.all([good.command('CONFIG', 'GET', '*'), good.command('DBSIZE')])).toEqual(before)
    // MONITOR does not show the commands of administrators; the statistics have them, under their names.
    const counted = [...(await good.command('INFO', 'commandstats')).matchAll(/^cmdstat_([^:]+):/gm)]
    const names = counted.map(([, name = '']) => name.replace('|', ' ').toUpperCase())
    expect(names).toContain('CONFIG GET')
    expect(names.filter((name) => ![...harmless, 'MONITOR', 'CONFIG RESETSTAT', 'DBSIZE'].includes(name))).toEqual([])
    await good.command('DEL', 'tw:1:x:y')
  })

  it('needs no right to write, and says which are missing', async () => {
    await good.command('ACL', 'LOG', 'RESET')
    const { code, tier } = await diagnose('redis', tierOf(good, 'reader'))
    expect(code).toBe(1)
    expect(await good.command('ACL', 'LOG')).toBe('')
    const missing = tier.findings.find((each) => each.code === 'rights-missing')
    expect(missing?.message).toContain('The user reader may not run SET, UNLINK, DEL')
    expect(missing?.message).not.toContain('GET,')
  })

  it('finds a single right that is missing', async () => {
    const { tier, code } = await diagnose('redis', tierOf(good, 'poor'))
    expect(tier.findings).toContainEqual(
      expect.objectContaining({ severity: 'failure', message: 'The user poor may not run XADD on the keys it needs' }),
    )
    expect(code).toBe(1)
  })

  it('says what it may not ask', async () => {
    const { found, code } = await diagnose('redis', tierOf(good, 'shy'))
    expect(found).toContain('advice rights-unknown')
    expect(found).toContain('advice facts-hidden')
    expect(code).toBe(0)
  })

  it.each([
    { config: { maxmemory: '0', policy: 'noeviction' }, expected: 'warning memory-unlimited' },
    { config: { maxmemory: '100mb', policy: 'noeviction' }, expected: 'warning eviction-none' },
    { config: { maxmemory: '1', policy: 'noeviction' }, expected: 'failure eviction-none' },
    { config: { maxmemory: '100mb', policy: 'allkeys-lru' }, expected: 'warning eviction-allkeys' },
    { config: { maxmemory: '1500kb', policy: 'volatile-ttl' }, expected: undefined },
  ])('judges a limit of $config.maxmemory with $config.policy', async ({ config, expected }) => {
    await open.command('CONFIG', 'SET', 'maxmemory-policy', config.policy)
    await open.command('CONFIG', 'SET', 'maxmemory', config.maxmemory)
    const { found } = await diagnose('redis', tierOf(open))
    const memory = found.filter((each) => /memory-unlimited|eviction/.test(each))
    expect(memory).toEqual(expected === undefined ? [] : [expected])
  })

  it('takes allkeys-* for worse where instances tell each other of changes', async () => {
    await open.command('CONFIG', 'SET', 'maxmemory', '100mb')
    await open.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu')
    const { found } = await diagnose('redis', tierOf(open), { config: { defaults: { coherence: 'off' } } })
    expect(found).toContain('advice eviction-allkeys')
  })

  it('warns of entries without an end that are never evicted', async () => {
    const config = { namespaces: { settings: { ttl: 'forever' } } }
    const { tier } = await diagnose('redis', tierOf(good, 'cache'), { config })
    const finding = tier.findings.find((each) => each.code === 'endless-entries')
    expect(finding?.message).toBe('Entries of settings have no end, and volatile-lru evicts only what has one')
  })

  it.each([
    { seconds: 3600, expected: 'failure clock' },
    { seconds: 2, expected: 'warning clock' },
  ])('finds a clock that is $seconds seconds behind', async ({ seconds, expected }) => {
    const shift = `const now = Date.now; Date.now = () => now() + ${seconds * 1000}`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}` }
    const { found, tier } = await diagnose('redis', tierOf(good, 'cache'), { env })
    expect(found).toContain(expected)
    expect(tier.findings.find(({ code }) => code === 'clock')?.message).toContain('behind that of this host')
  })

  it('finds that nobody is there', async () => {
    const { code, tier, found } = await diagnose('redis', { host: '127.0.0.1', port: 1 })
    expect({ code, found, reachable: tier.reachable }).toEqual({
      code: 1,
      found: ['failure unreachable'],
      reachable: false,
    })
    expect(tier.findings[0]?.message).toContain('ECONNREFUSED')
  })

  it('gives up on a server that never answers', async () => {
    open.pause()
    try {
      const { found } = await diagnose('redis', tierOf(open), { args: ['--timeout', '500ms'] })
      expect(found).toContain('failure unreachable')
    } finally {
      open.resume()
    }
  })

  it('tells a node of a cluster from a server', async () => {
    await using node = await startRedis({ dedicated: true, config: { 'cluster-enabled': 'yes' } })
    const { found } = await diagnose('redis', tierOf(node))
    expect(found).toContain('failure topology')
  })
})

describe('passwords', () => {
  const secret = 'hunter2-hunter2-hunter2'
  const places = (server: RedisServer) => [
    { name: 'in a URL', tier: { url: `redis://cache:${secret}@${server.host}:${server.port}` }, env: {} },
    {
      name: 'as an option',
      tier: { host: server.host, port: server.port, username: 'cache', password: secret },
      env: {},
    },
    {
      name: 'in a variable',
      tier: { url: '${REDIS_URL}' },
      env: { REDIS_URL: `redis://:${secret}@${server.host}:${server.port}` },
    },
    {
      name: 'in the environment alone',
      tier: {},
      env: { REDIS_HOST: server.host, REDIS_PORT: String(server.port), REDIS_PASSWORD: secret },
    },
  ]

  it.each([0, 1, 2, 3])('that are wrong are found and never shown (%i)', async (index) => {
    const { name, tier, env } = places(good)[index] ?? { name: 'none', tier: {}, env: {} }
    const cwd = projectOf('redis', { client: 'ioredis', ...tier })
    const ran = await Promise.all(
      [['--json'], ['--verbose'], []].map((args) => runProgram(['doctor', ...args], { cwd, env })),
    )
    for (const { code, stdout, stderr } of ran) {
      expect(code, `${name}: ${stderr}`).toBe(1)
      expect(stdout).toMatch(/WRONGPASS/)
      expect(stdout + stderr).not.toContain(secret)
    }
  })

  it('are not shown by any command when they are right', async () => {
    const cwd = projectOf('redis', { url: `redis://cache:${password}@${good.host}:${good.port}` })
    for (const args of [
      ['doctor'],
      ['doctor', '--json'],
      ['report'],
      ['config', 'print'],
      ['config', 'check', '--json'],
    ]) {
      const { stdout, stderr } = await runProgram(args, { cwd })
      expect(stdout + stderr, args.join(' ')).not.toContain(password)
    }
  })
})

describe('tierwise doctor over TLS', () => {
  it('accepts a good certificate, and finds one that is refused', async () => {
    await using server = await startRedis({ dedicated: true, password, tls: true })
    const tier = {
      host: server.host,
      port: server.port,
      password,
      tls: { ca: server.tls?.caPath, cert: server.tls?.certPath, key: server.tls?.keyPath },
    }
    const [fine, strange] = await Promise.all([diagnose('redis', tier), diagnose('redis', { ...tier, tls: true })])
    expect(fine.found.filter((each) => each.startsWith('failure'))).toEqual([])
    expect(fine.found).not.toContain('advice security-unencrypted')
    expect(strange.code).toBe(1)
    expect(strange.found).toContain('failure security-certificate-refused')
  })
})

describe('tierwise doctor on a deployment', () => {
  it('examines Sentinels, and finds a replica and a wrong name', async () => {
    await using group = await startRedisSentinel({ replicas: 1, sentinels: 3 })
    const nodes = group.sentinels.map(({ host, port }) => ({ host, port }))
    const [whole, wrong, replica] = await Promise.all([
      diagnose('redis', { sentinel: { name: group.masterName, nodes } }),
      diagnose('redis', { sentinel: { name: 'other', nodes: nodes.slice(0, 1) } }),
      diagnose('redis', tierOf(group.nodes[1] as RedisServer)),
    ])
    expect(whole.tier.facts).toMatchObject({
      sentinels: '3 of 3 answer, quorum 2',
      primary: `127.0.0.1:${group.nodes[0]?.port}`,
    })
    expect(whole.found.filter((each) => each.startsWith('failure'))).toEqual([])
    expect(whole.found).toContain('advice failover-loss')
    expect(wrong.found).toContain('failure sentinel-name')
    expect(wrong.found).toContain('advice sentinel-few')
    expect(replica.code).toBe(1)
    expect(replica.found).toContain('failure read-only')
  })

  it('examines every primary of a cluster', async () => {
    await using cluster = await startRedisCluster({ primaries: 3, replicas: 0 })
    const nodes = cluster.nodes.slice(0, 1).map(({ host, port }) => ({ host, port }))
    const { tier, found } = await diagnose('redis', { cluster: { nodes }, lanes: 4 })
    expect(Object.keys(tier.servers)).toHaveLength(3)
    expect(found).toContain('advice lanes-few')
    expect(found.filter((each) => each === 'warning no-replica')).toHaveLength(3)
    expect(found.filter((each) => each.startsWith('failure'))).toEqual([])
  })
})

describe('tierwise doctor --redis-conf', () => {
  it('writes a file that a server starts with, a reason above each line, and never over another', async () => {
    const cwd = projectOf('redis', tierOf(good, 'cache'), { namespaces: { settings: { ttl: 'forever' } } })
    const { stderr } = await runProgram(['doctor', '--redis-conf', 'redis.conf'], { cwd })
    expect(stderr).toContain('redis.conf was written; no server was changed.')
    const text = readFileSync(join(cwd, 'redis.conf'), 'utf8')
    await expect(text).toMatchFileSnapshot('golden/redis.conf')
    for (const part of text.trim().split('\n\n').slice(1)) expect(part).toMatch(/^# .+\n#? ?\S+ .+/)
    const directives = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const config = Object.fromEntries(
      directives.map((line) => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)]),
    )
    await using server = await startRedis({ dedicated: true, config })
    expect(await server.command('CONFIG', 'GET', 'maxmemory-policy')).toContain('volatile-lru')
    const again = await runProgram(['doctor', '--redis-conf', 'redis.conf'], { cwd })
    expect({ code: again.code, stdout: again.stdout }).toEqual({ code: 3, stdout: '' })
    expect(again.stderr).toContain('redis.conf exists already')
    expect(readFileSync(join(cwd, 'redis.conf'), 'utf8')).toBe(text)
  })
})
