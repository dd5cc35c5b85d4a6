import { describe, expect, it } from 'vitest'
import { projectWith, runProgram } from './run-program.ts'

const yaml = `prefix: shop
tiers:
  memory:
    maxBytes: 100mb
  redis:
    url: \${REDIS_URL:-redis://localhost:6379}
defaults:
  ttl: 5m
profiles:
  testing:
    tiers:
      redis: false
  production:
    tiers:
      redis:
        url: \${REDIS_URL}
`
const secret = 'hunter2-hunter2'

describe('tierwise config check', () => {
  it('says that all is well', async () => {
    const cwd = projectWith({ 'tierwise.config.yaml': yaml })
    const { code, stdout, stderr } = await runProgram(['config', 'check'], { cwd })
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'tierwise.config.yaml: ok\n', stderr: '' })
  })

  it('checks each profile, and tells a mistake once', async () => {
    const cwd = projectWith({ 'tierwise.config.yaml': yaml })
    const { code, stdout } = await runProgram(['config', 'check', '--all-profiles'], { cwd })
    expect(code).toBe(1)
    expect(stdout.split('\n')).toEqual([
      'tierwise.config.yaml: ok',
      'tierwise.config.yaml, profile testing: ok',
      'tierwise.config.yaml, profile production: 1 mistake',
      expect.stringMatching(
        /^ {2}tierwise\.config\.yaml:16:\d+ {2}profiles\.production\.tiers\.redis\.url {2}needs the variable REDIS_URL/,
      ),
      '',
    ])
    const env = { REDIS_URL: `redis://:${secret}@localhost` }
    const set = await runProgram(['config', 'check', '--all-profiles'], { cwd, env })
    expect(set.code).toBe(0)
    expect(set.stdout + set.stderr).not.toContain(secret)
  })

  it('tells all mistakes, each with its place, and in JSON too', async () => {
    const wrong = 'tiers:\n  memory:\n    maxBytes: 5 mins\n  redys: {}\ndefaults:\n  tll: 5m\n'
    const cwd = projectWith({ 'other.yaml': wrong })
    const { code, stdout } = await runProgram(['config', 'check', 'other.yaml', '--json'], { cwd })
    expect(code).toBe(1)
    const { ok, profiles } = JSON.parse(stdout) as {
      ok: boolean
      profiles: { mistakes: { line: number; path: string }[] }[]
    }
    expect(ok).toBe(false)
    expect(profiles[0]?.mistakes.map(({ line }) => line)).toEqual([3, 4, 6])
    const plain = await runProgram(['config', 'check', 'other.yaml'], { cwd })
    expect(plain.stdout).toContain('other.yaml: 3 mistakes')
    expect(plain.stdout).toContain('other.yaml:6:3')
  })

  it('finds what only the tier itself can refuse', async () => {
    const redis = { host: 'localhost', tls: { ca: 'absent.pem' } }
    const cwd = projectWith({ 'tierwise.config.json': JSON.stringify({ tiers: { redis } }) })
    const { code, stdout } = await runProgram(['config', 'check'], { cwd })
    expect(code).toBe(1)
    expect(stdout).toContain('neither a PEM text nor the path of a file')
  })

  it.each([
    { files: {}, args: [], says: 'There is no configuration' },
    { files: { 'tierwise.config.yaml': yaml, 'tierwise.config.json': '{}' }, args: [], says: 'tierwise.config.json' },
    { files: {}, args: ['absent.yaml'], says: 'absent.yaml' },
  ])('cannot check what is not there or not clear: $says', async ({ files, args, says }) => {
    const { code, stderr, stdout } = await runProgram(['config', 'check', ...args], { cwd: projectWith(files) })
    expect(stderr + stdout).toContain(says)
    expect(code).not.toBe(0)
    expect(stderr).not.toContain('    at ')
  })

  it('refuses a profile beside all profiles', async () => {
    const { code } = await runProgram(['config', 'check', '--all-profiles', '--profile', 'x'], { cwd: projectWith({}) })
    expect(code).toBe(2)
  })
})

describe('tierwise config print', () => {
  it('prints what a profile comes to, without secrets', async () => {
    const cwd = projectWith({ 'tierwise.config.yaml': yaml })
    const env = { REDIS_URL: `redis://:${secret}@cache.internal` }
    const { code, stdout, stderr } = await runProgram(['config', 'print', '--profile', 'production'], { cwd, env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('# profile: production')
    expect(stdout).toContain('${REDIS_URL}')
    expect(stdout).not.toContain(secret)
  })

  it('prints JSON', async () => {
    const cwd = projectWith({ 'tierwise.config.yaml': yaml })
    const plain = await runProgram(['config', 'print', '--format', 'json', '--profile', 'testing'], { cwd })
    expect(JSON.parse(plain.stdout)).toMatchObject({ prefix: 'shop', chain: ['memory'] })
    const framed = await runProgram(['config', 'print', '--json', '--profile', 'testing'], { cwd })
    expect(JSON.parse(framed.stdout)).toMatchObject({
      command: 'config print',
      profile: 'testing',
      config: { prefix: 'shop' },
    })
  })

  it('says which profiles there are', async () => {
    const cwd = projectWith({ 'tierwise.config.yaml': yaml })
    const { code, stderr } = await runProgram(['config', 'print', '--profile', 'prod'], { cwd })
    expect(code).toBe(3)
    expect(stderr).toContain('`prod`')
  })
})
