import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { parseSync } from 'vite'
import { createCacheManagerFromConfig, defineConfig, loadConfig } from '../../src/config/index.ts'
import { loadJiti } from '../../src/config/read/import-code.ts'
import { folderWith } from './config-files.ts'

const source = join(import.meta.dirname, '../../src')

describe('a configuration in code', () => {
  test.each([
    {
      name: 'config/tierwise.config.ts',
      text: 'enum Unit { Mb = "mb" }\nexport default { tiers: { memory: { maxBytes: `5${Unit.Mb}` } } }\n',
    },
    {
      name: 'tierwise.config.ts',
      text: 'const size: `${number}mb` = "5mb"\nexport default { tiers: { memory: { maxBytes: size } } }\n',
    },
    {
      name: 'tierwise.config.mts',
      text: 'interface A { a: 1 }\nexport default { tiers: { memory: { maxBytes: "5mb" } } }\n',
    },
    {
      name: 'tierwise.config.mjs',
      text: 'export default { tiers: { memory: { maxBytes: "5mb" } }, prefix: undefined }\n',
    },
  ])('is read from $name', async ({ name, text }) => {
    const { config } = await loadConfig({ cwd: folderWith({ [name]: text }), env: {} })
    expect(config.tiers).toEqual({ memory: { type: 'memory', maxBytes: '5mb' } })
  })

  test('may import others, have expressions and schemas, and variables in its texts', async () => {
    const cwd = folderWith({
      'shared.ts': 'export const ttl = "${TTL:-1m}" as const\n',
      'tierwise.config.ts': `import { ttl } from './shared.ts'
const schema = { '~standard': { version: 1, vendor: 'own', validate: (value: unknown) => ({ value }) } }
export default { tiers: { memory: {} }, namespaces: { a: { ttl, schema, keyFormat: /a+/i } } }
`,
    })
    const { config } = await loadConfig({ cwd, env: { TTL: '2m' } })
    expect(config.namespaces?.['a']).toMatchObject({
      ttl: '2m',
      keyFormat: /a+/i,
      schema: { '~standard': { vendor: 'own' } },
    })
    const manager = await createCacheManagerFromConfig({ cwd, env: {} })
    const a = manager.namespace('a')
    await a.set('AAA', 1)
    expect(await a.get('AAA')).toBe(1)
    await manager.stop()
  })

  test('says why it cannot be loaded, with what was thrown as the cause', async () => {
    const cwd = folderWith({ 'tierwise.config.mjs': "throw new RangeError('too far\\nfrom here')\n" })
    await expect(loadConfig({ cwd, env: {} })).rejects.toMatchObject({
      message: 'tierwise.config.mjs  cannot be loaded: too far',
      cause: expect.any(RangeError),
    })
  })

  test('in TypeScript needs jiti where Node does not read types', async () => {
    const absent = (): Promise<never> => Promise.reject(new Error("Cannot find package 'jiti'"))
    await expect(loadJiti(absent)).rejects.toMatchObject({
      code: 'ERR_CACHE_PEER_MISSING',
      message:
        'A configuration in TypeScript needs the package jiti with this Node, and it is not installed or cannot be loaded. Install it: npm install jiti',
    })
  })

  test('is checked and completed by defineConfig, which changes nothing', () => {
    const config = { tiers: { memory: { maxBytes: '5mb' } }, namespaces: { a: { schema: z.string() } } } as const
    expect(defineConfig(config)).toBe(config)
  })
})

/** What a module and those that it imports at once import from packages. */
function packagesBehind(file: string, seen = new Set<string>()): ReadonlySet<string> {
  const { module } = parseSync(file, readFileSync(file, 'utf8'))
  const own = module.staticImports.filter(
    ({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType),
  )
  const again = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, isType }) => (moduleRequest === null || isType ? [] : [moduleRequest])),
  )
  for (const { value } of [...own.map(({ moduleRequest }) => moduleRequest), ...again]) {
    if (seen.has(value)) continue
    const target = value.startsWith('.') ? join(dirname(file), value) : value
    if (seen.has(target)) continue
    seen.add(target)
    if (value.startsWith('.')) packagesBehind(target, seen)
  }
  return seen
}

describe('who has no configuration file', () => {
  test('loads neither the schema nor the parser', () => {
    const behind = packagesBehind(join(source, 'index.ts'))
    expect(behind).toContain('leven')
    expect([...behind].filter((name) => name === 'zod' || name === 'yaml' || name.includes('/config/'))).toEqual([])
    expect(packagesBehind(join(source, 'config/index.ts'))).toContain('zod')
  })

  test('loads no tier with the schema', () => {
    const behind = [...packagesBehind(join(source, 'config/index.ts'))].map((path) => path.replace(source, ''))
    expect(behind.filter((path) => path.startsWith('/tiers/'))).toEqual([])
  })
})
