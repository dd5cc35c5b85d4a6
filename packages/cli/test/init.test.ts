import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectWith, runProgram, withLibrary } from './run-program.ts'

const secret = 'never-shown-5f1c'

const projects: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  empty: {},
  'node-redis and lmdb under Fastify': {
    'package.json': JSON.stringify({
      name: '@shop/prices api',
      dependencies: { redis: '^6.0.0', lmdb: '^3.5.0', fastify: '^5.0.0', tierwise: '0.1.0' },
    }),
    '.env': `REDIS_URL=redis://user:${secret}@cache.internal:6379/2\n`,
    '.gitignore': 'node_modules\n.cache/\n',
  },
  'ioredis by host under NestJS': {
    'package.json': JSON.stringify({ name: 'orders', dependencies: { ioredis: '^5.4.0', '@nestjs/core': '^11.0.0' } }),
    '.env.local': `export REDIS_HOST=cache.internal\nREDIS_PASSWORD="${secret}"\n`,
  },
  'PostgreSQL alone under Next.js': {
    'package.json': JSON.stringify({ name: 'site', dependencies: { pg: '^8.11.0', next: '^16.0.0' } }),
    '.env.production': `DATABASE_URL=postgres://app:${secret}@db.internal/app\n`,
  },
  'damaged package.json': { 'package.json': '{ "name": ' },
}

describe('tierwise init', () => {
  it.each(Object.keys(projects))('writes what a project needs: %s', async (name) => {
    const cwd = projectWith(projects[name] ?? {})
    const { code, stdout, stderr } = await runProgram(['init'], { cwd })
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'tierwise.config.yaml\n' })
    const written = readFileSync(join(cwd, 'tierwise.config.yaml'), 'utf8')
    await expect(`${written}\n--- stderr ---\n${stderr}`).toMatchFileSnapshot(
      `golden/init-${name.replace(/\W+/g, '-')}.txt`,
    )
    expect(written + stderr).not.toContain(secret)
  })

  it.each([
    ...Object.keys(projects).map((name) => ({ name, format: 'yaml' })),
    { name: 'node-redis and lmdb under Fastify', format: 'json' },
    { name: 'PostgreSQL alone under Next.js', format: 'ts' },
  ])('writes what passes the check in every profile: $name in $format', async ({ name, format }) => {
    const cwd = withLibrary(projectWith(projects[name] ?? {}))
    await runProgram(['init', '--format', format], { cwd })
    const plain = await runProgram(['config', 'check'], { cwd })
    expect(plain.stdout).toBe(`tierwise.config.${format}: ok\n`)
    const env = { REDIS_URL: 'redis://cache.internal', REDIS_HOST: 'cache.internal', DATABASE_URL: 'postgres://db' }
    const all = await runProgram(['config', 'check', '--all-profiles'], { cwd, env })
    expect(all).toMatchObject({ code: 0, stdout: expect.stringContaining('production: ok') })
  })

  it.each(['ts', 'json'])('writes it in %s too', async (format) => {
    const cwd = projectWith(projects['node-redis and lmdb under Fastify'] ?? {})
    const { code } = await runProgram(['init', '--format', format], { cwd })
    expect(code).toBe(0)
    const written = readFileSync(join(cwd, `tierwise.config.${format}`), 'utf8')
    await expect(written).toMatchFileSnapshot(`golden/init.config.${format}.txt`)
  })

  it('takes names from the environment, never values', async () => {
    const cwd = projectWith({})
    const env = { REDIS_URL: `redis://user:${secret}@cache.internal` }
    const { stdout, stderr } = await runProgram(['init', '--json'], { cwd, env })
    const answer = JSON.parse(stdout) as { detected: { variables: string[] }; content: string }
    expect(answer.detected.variables).toEqual(['REDIS_URL'])
    expect(answer.content).toContain('${REDIS_URL}')
    expect(stdout + stderr).not.toContain(secret)
  })

  it('never replaces a configuration without --force', async () => {
    const cwd = projectWith({ 'tierwise.config.yaml': 'prefix: mine\n' })
    const refused = await runProgram(['init'], { cwd })
    expect(refused.code).toBe(3)
    expect(refused.stdout).toBe('')
    expect(refused.stderr).toContain('There is a configuration already: tierwise.config.yaml')
    expect(readFileSync(join(cwd, 'tierwise.config.yaml'), 'utf8')).toBe('prefix: mine\n')
    expect((await runProgram(['init', '--force'], { cwd })).code).toBe(0)
    expect(readFileSync(join(cwd, 'tierwise.config.yaml'), 'utf8')).toContain('tiers:')
  })

  it('never adds a second configuration, not even with --force', async () => {
    const cwd = projectWith({ 'config/tierwise.config.json': '{}' })
    const { code, stderr } = await runProgram(['init', '--force'], { cwd })
    expect(code).toBe(3)
    expect(stderr).toContain('config/tierwise.config.json')
    expect(readdirSync(cwd)).toEqual(['config'])
  })

  it('prints and writes nothing with --dry-run, also where there is one', async () => {
    const cwd = projectWith({})
    writeFileSync(join(cwd, 'tierwise.config.ts'), '')
    const { code, stdout } = await runProgram(['init', '--dry-run'], { cwd })
    expect(code).toBe(0)
    expect(stdout).toContain('tiers:')
    expect(readdirSync(cwd)).toEqual(['tierwise.config.ts'])
  })

  it('tells in JSON why it was refused', async () => {
    const cwd = projectWith({ 'tierwise.config.yaml': '' })
    const { code, stdout } = await runProgram(['init', '--json'], { cwd })
    expect(code).toBe(3)
    expect(JSON.parse(stdout)).toEqual({
      error: { message: expect.stringContaining('already'), hint: expect.stringContaining('--force') },
    })
  })
})
