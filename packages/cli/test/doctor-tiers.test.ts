import { createServer, type AddressInfo } from 'node:net'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCacheManager } from 'tierwise'
import { postgres, postgresMigrations } from 'tierwise/postgres'
import { startPostgres, type PostgresServer } from 'tierwise/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { examineMemory } from '../src/doctor/examine-memory.ts'
import { fileSystemOf } from '../src/doctor/file-systems.ts'
import { diagnose, projectOf } from './doctor-project.ts'
import { projectWith, runProgram } from './run-program.ts'

describe('tierwise doctor on PostgreSQL', () => {
  const password = 'a-long-password-for-tests'
  let server: PostgresServer

  beforeAll(async () => {
    server = await startPostgres({ dedicated: true, password, config: { log_statement: 'all' } })
    await server.query(`create role app login password '${password}'; create role shut login password '${password}'`)
    const manager = createCacheManager({ tiers: [postgres({ url: server.url, schema: 'ready' })] })
    await manager.start()
    await manager.stop()
    await server.query('grant usage on schema ready to app')
    await server.query('grant select, insert, update, delete on all tables in schema ready to app')
  })

  afterAll(async () => {
    await server?.stop()
  })

  const urlFor = (role: string, secret = password): string =>
    `postgres://${role}:${secret}@${server.host}:${server.port}/${server.database}`

  it.each(['pg', 'postgres'])('has nothing against a role with the rights it needs, over %s', async (name) => {
    const { code, tier, found, stderr } = await diagnose('postgres', {
      url: urlFor('app'),
      schema: 'ready',
      package: name,
    })
    expect({ code, found, stderr }).toEqual({ code: 0, found: [], stderr: '' })
    expect(tier.facts).toMatchObject({
      client: name,
      version: expect.stringMatching(/^\d+/),
      role: 'app',
      table: expect.stringMatching(/^about 0 rows, .*, unlogged$/),
      clock: expect.stringMatching(/the same|ahead|behind/),
    })
  })

  it('sends nothing but selects, in transactions that cannot write', async () => {
    const before = await server.log()
    await diagnose('postgres', { url: urlFor('app'), schema: 'ready' })
    const log = (await server.log()).slice(before.length)
    const statements = [...log.matchAll(/(?:statement|execute [^:]*): ([\s\S]*?)(?=\n\d{4}-|$)/g)].map(
      ([, text = '']) => text.trim(),
    )
    expect(statements.length).toBeGreaterThan(10)
    expect(statements.filter((text) => !/^(begin read only|rollback|select\b)/i.test(text))).toEqual([])
    const questions = statements.filter((text) => text !== 'select 1')
    expect(questions.filter((text) => text === 'begin read only')).toHaveLength(questions.length / 3)
  })

  it('says that absent tables will be made, or why they cannot be', async () => {
    const [able, unable, forbidden] = await Promise.all([
      diagnose('postgres', { url: server.url }),
      diagnose('postgres', { url: urlFor('shut') }),
      diagnose('postgres', { url: server.url, migrate: false }),
    ])
    expect(able.found).toEqual(['warning superuser', 'ok tables-absent'])
    expect(able.code).toBe(0)
    expect(unable.found).toEqual(['failure tables-absent'])
    expect(unable.tier.findings[0]?.message).toContain('the role shut may not create them')
    expect(forbidden.found).toContain('failure tables-absent')
    expect(forbidden.code).toBe(1)
    expect(await server.query(`select count(*) from pg_namespace where nspname = 'tierwise'`)).toBe('0')
  })

  it('finds a role without rights', async () => {
    const { found } = await diagnose('postgres', { url: urlFor('shut'), schema: 'ready' })
    expect(found).toContain('failure rights-missing')
  })

  it('finds an option that the table does not follow', async () => {
    const { found } = await diagnose('postgres', { url: urlFor('app'), schema: 'ready', logged: true })
    expect(found).toEqual(['advice logged'])
  })

  it('knows what postgresMigrations makes', async () => {
    await server.query(postgresMigrations({ schema: 'by_hand', table: 'things', logged: true }))
    const { found, tier } = await diagnose('postgres', {
      url: server.url,
      schema: 'by_hand',
      table: 'things',
      migrate: false,
      logged: true,
    })
    expect(found).toEqual(['warning superuser'])
    expect(tier.facts['table']).toContain(', logged')
  })

  it('finds a wrong password, which is never shown, and an absent database and server', async () => {
    const secret = 'hunter2-hunter2'
    const wrong = await diagnose('postgres', { url: urlFor('app', secret) }, { args: ['--verbose'] })
    expect(wrong.found).toEqual(['failure authentication'])
    expect(wrong.stdout + wrong.stderr).not.toContain(secret)
    const absent = await diagnose('postgres', { url: `${urlFor('app')}x` })
    expect(absent.found).toEqual(['failure unreachable'])
    const nobody = await diagnose('postgres', { url: 'postgres://app@127.0.0.1:1/app' })
    expect(nobody.tier.findings[0]?.message).toContain('ECONNREFUSED')
    expect([wrong.code, absent.code, nobody.code]).toEqual([1, 1, 1])
  })
})

describe('tierwise doctor on a disk', () => {
  it('makes nothing where nothing is', async () => {
    const cwd = projectOf('disk', { path: 'cache/deep' })
    const { code, stdout } = await runProgram(['doctor', '--json'], { cwd })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      tiers: [{ tier: 'memory' }, { reachable: true, facts: { folder: 'will be made', used: '0 bytes' } }],
    })
    expect(readdirSync(cwd)).toEqual(['tierwise.config.json'])
  })

  it('finds a file in the way, a newer layout, and what was damaged', async () => {
    const folder = projectWith({ file: '', 'newer/layout': '2\n', 'damaged/quarantine-1/data.mdb': '' })
    const found = async (path: string) => (await diagnose('disk', { path: join(folder, path) })).found
    expect(await found('file')).toContain('failure no-folder')
    expect(await found('newer')).toContain('failure layout')
    expect(await found('damaged')).toContain('warning quarantine')
  })

  it('finds too little space', async () => {
    const { found, code } = await diagnose('disk', { path: 'cache', maxBytes: '1000000gb' })
    expect(found).toContain('warning space')
    expect(code).toBe(0)
  })

  it('finds a folder that cannot be written', async () => {
    // Permissions mean nothing to a superuser, so the answer of the system is replaced.
    const refusing = [
      "import fs from 'node:fs'",
      "import { syncBuiltinESMExports } from 'node:module'",
      "fs.accessSync = () => { throw Object.assign(new Error('EACCES'), { code: 'EACCES' }) }",
      'syncBuiltinESMExports()',
    ]
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(refusing.join(';'))}` }
    const { found, code } = await diagnose('disk', { path: 'cache' }, { env })
    expect(found).toContain('failure read-only')
    expect(code).toBe(1)
  })

  it('knows file systems by their numbers, on Linux', () => {
    expect(fileSystemOf(0x6969, 'linux')).toEqual({ name: 'NFS', kind: 'network' })
    expect(fileSystemOf(0xef53, 'linux')?.kind).toBe('local')
    // Signed, as some processors have it.
    expect(fileSystemOf(0xff534d42 | 0, 'linux')?.kind).toBe('network')
    expect(fileSystemOf(0x6969, 'darwin')).toBeUndefined()
  })
})

describe('tierwise doctor on memory', () => {
  const gigabyte = 1024 ** 3
  const limits = { memoryBytes: 2 * gigabyte, isContainer: true, heapBytes: gigabyte }

  it.each([
    { maxBytes: '100mb', expected: 'ok' },
    { maxBytes: '600mb', expected: 'warning' },
    { maxBytes: '1gb', expected: 'failure' },
  ])('judges $maxBytes in a heap of one gigabyte', ({ maxBytes, expected }) => {
    const { findings } = examineMemory({ name: 'memory', type: 'memory', options: { maxBytes } }, limits)
    expect(findings[0]?.severity ?? 'ok').toBe(expected)
  })

  it('takes the memory of a container for the limit when it is less than the heap', () => {
    const tier = { name: 'memory', type: 'memory', options: {} }
    const { findings } = examineMemory(tier, { ...limits, memoryBytes: 128 * 1024 ** 2 })
    expect(findings[0]?.message).toContain('78 % of the memory of the container')
  })

  it('knows the heap that it was started with', async () => {
    const env = { NODE_OPTIONS: '--max-old-space-size=40' }
    const { stdout, code } = await runProgram(['doctor'], { cwd: projectOf('disk', { path: 'x' }), env })
    expect(stdout).toContain('does not fit')
    expect(code).toBe(1)
  })
})

describe('tierwise doctor', () => {
  it('ends soon when it is interrupted, and leaves nothing open', async () => {
    let connected = (): void => {}
    const isConnected = new Promise<void>((resolve) => (connected = resolve))
    // Takes connections and never says a word.
    const sockets = new Set<{ destroy(): void }>()
    const silent = createServer((socket) => {
      sockets.add(socket.on('error', () => {}))
      connected()
    })
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const start = performance.now()
    const { code, stdout } = await runProgram(['doctor', '--timeout', '5m'], {
      cwd: projectOf('redis', { host: '127.0.0.1', port }),
      onStart: (child) => void isConnected.then(() => child.kill('SIGINT')),
    })
    for (const socket of sockets) socket.destroy()
    silent.close()
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(performance.now() - start).toBeLessThan(8000)
  })

  it('prints for a person what it prints in JSON', async () => {
    const cwd = projectOf('disk', { path: 'cache' })
    const { stdout, stderr } = await runProgram(['doctor'], { cwd })
    expect(stdout).toMatch(/^memory {2}in each process {2}ok\n/)
    expect(stdout).toContain(join(cwd, 'cache'))
    expect(stdout.trimEnd()).toMatch(/(nothing to complain about|advice|warnings?)$/)
    expect(stdout).not.toContain('\u001b')
    expect(stderr).toBe('')
  })

  it('colours where that is asked for, unless NO_COLOR forbids it', async () => {
    const cwd = projectOf('disk', { path: 'cache' })
    const [forced, forbidden] = await Promise.all([
      runProgram(['doctor'], { cwd, env: { FORCE_COLOR: '1' } }),
      runProgram(['doctor'], { cwd, env: { FORCE_COLOR: '1', NO_COLOR: '1' } }),
    ])
    expect(forced.stdout).toContain('\u001b[')
    expect(forbidden.stdout).not.toContain('\u001b[')
  })

  it('says what to do where there is no configuration, or one with mistakes', async () => {
    const none = await runProgram(['doctor', '--json'], { cwd: projectWith({}) })
    expect(none.code).toBe(3)
    expect(JSON.parse(none.stdout)).toMatchObject({ error: { hint: expect.stringContaining('tierwise init') } })
    const cwd = projectWith({ 'tierwise.config.yaml': 'tiers:\n  memory:\n    maxBites: 1mb\n' })
    const wrong = await runProgram(['doctor'], { cwd })
    expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 3, stdout: '' })
    expect(wrong.stderr).toContain('tierwise.config.yaml:3:5')
    expect(wrong.stderr).not.toContain('    at ')
    const verbose = await runProgram(['doctor', '--verbose'], { cwd })
    expect(verbose.stderr).toContain('    at ')
  })

  it.each(['soon', '0', '-5', '2h'])('refuses a timeout of %s', async (timeout) => {
    const { code, stderr } = await runProgram(['doctor', `--timeout=${timeout}`], { cwd: projectWith({}) })
    expect(code).toBe(2)
    expect(stderr).toContain('Give a time such as 500ms or 5s')
  })

  it('writes no redis.conf where there is no Redis', async () => {
    const cwd = projectOf('disk', { path: 'cache' })
    const { code, stderr } = await runProgram(['doctor', '--redis-conf', 'redis.conf'], { cwd })
    expect(code).toBe(3)
    expect(stderr).toContain('no Redis tier')
    expect(existsSync(join(cwd, 'redis.conf'))).toBe(false)
  })

  it('takes the profile it is given', async () => {
    const cwd = projectWith({})
    writeFileSync(
      join(cwd, 'tierwise.config.yaml'),
      'tiers:\n  memory: {}\n  disk: { path: x }\nprofiles:\n  testing:\n    tiers: { disk: false }\n',
    )
    const { stdout } = await runProgram(['doctor', '--json', '--profile', 'testing'], { cwd })
    const answer = JSON.parse(stdout) as { profile: string; tiers: readonly { tier: string }[] }
    expect(answer.profile).toBe('testing')
    expect(answer.tiers.map(({ tier }) => tier)).toEqual(['memory'])
  })
})
