import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig, printConfig } from '../../src/config/index.ts'
import { configJsonSchema } from '../../src/config/schema/json-schema.ts'
import { folderWith } from './config-files.ts'

const fixtures = join(import.meta.dirname, 'fixtures')
const env = {
  REDIS_PASSWORD: 'hunter2',
  REDIS_CLUSTER_PASSWORD: 'hunter2',
  POSTGRES_PASSWORD: 'hunter2',
  CACHE_KEY: `${'hunter2'.repeat(6)}A=`,
}

const files = [
  { name: 'document-002', profiles: ['production', 'development', 'testing'] },
  { name: 'organisation', profiles: ['development', 'testing', 'staging', 'production'] },
]

describe.each(files)('the configuration $name', ({ name, profiles }) => {
  const text = readFileSync(join(fixtures, `${name}.yaml`), 'utf8')
  const source = {
    cwd: folderWith({ 'tierwise.config.yaml': text, 'redis.secret': 'hunter2\n' }),
    env,
  }

  test.each(profiles)('prints what results for %s', async (profile) => {
    const loaded = await loadConfig({ ...source, profile })
    const printed = printConfig(loaded)
    await expect(printed).toMatchFileSnapshot(join(fixtures, `${name}.${profile}.yaml`))
    expect(printed).not.toContain('hunter2')
    expect(JSON.parse(printConfig(loaded, 'json'))).toEqual(parse(printed))
    expect(JSON.stringify(loaded.notices)).not.toContain('hunter2')
  })

  test.each(profiles)('prints for %s what can be read again and gives the same', async (profile) => {
    const printed = printConfig(await loadConfig({ ...source, profile }))
    const cwd = folderWith({ 'tierwise.config.yaml': printed, 'redis.secret': 'hunter2' })
    expect(printConfig(await loadConfig({ cwd, env }))).toBe(printed.replace(/^#.*/, '# profile: none'))
  })
})

describe('the published JSON Schema', () => {
  const schema = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../schema/tierwise.schema.json'), 'utf8'),
  ) as object
  const validate = new Ajv({ strict: false, allErrors: true }).compile(schema)

  test('says what the schema says, with descriptions', () => {
    const plain = JSON.parse(JSON.stringify(configJsonSchema())) as object
    const undescribed = JSON.parse(
      JSON.stringify(schema, (name, value: unknown) =>
        name === 'description' && typeof value === 'string' ? undefined : value,
      ),
    ) as object
    expect(undescribed).toEqual(plain)
  })

  test.each(files)('takes $name', ({ name }) => {
    validate(parse(readFileSync(join(fixtures, `${name}.yaml`), 'utf8')))
    expect(validate.errors ?? []).toEqual([])
  })

  test.each([
    { what: 'variables instead of numbers', config: { tiers: { redis: { port: '${PORT}', tls: '${TLS:-true}' } } } },
    { what: 'a tier that is taken out', config: { profiles: { testing: { extends: 'a', tiers: { redis: false } } } } },
    { what: 'empty entries', config: { tiers: { memory: null }, namespaces: { a: null } } },
  ])('takes $what', ({ config }) => {
    validate(config)
    expect(validate.errors ?? []).toEqual([])
  })

  test.each([
    { what: 'an unknown option', config: { defaults: { tll: '1m' } } },
    { what: 'a wrong unit', config: { defaults: { ttl: '5 mins' } } },
    { what: 'a wrong choice', config: { governance: { mode: 'enforced' } } },
    { what: 'an unknown option of a tier', config: { tiers: { memory: { host: 'a' } } } },
    { what: 'a mistake in a profile', config: { profiles: { a: { namespaces: { b: { ttl: 'soon' } } } } } },
    { what: 'profiles in profiles', config: { profiles: { a: { profiles: {} } } } },
  ])('refuses $what', ({ config }) => {
    expect(validate(config)).toBe(false)
  })
})

describe('the guide', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../../../docs/guide/configuration.md'), 'utf8')

  test('shows the configuration of the organisation as it is', () => {
    expect(guide).toContain(`\`\`\`yaml\n${readFileSync(join(fixtures, 'organisation.yaml'), 'utf8')}\`\`\`\n`)
  })

  test('shows the errors that it speaks of', async () => {
    const [, text = ''] = /'cache\.yaml',\n {2}`([^`]*)`/.exec(guide) ?? []
    const refusal = loadConfig({ cwd: folderWith({ 'cache.yaml': text }), file: 'cache.yaml', env: {} })
    const error: unknown = await refusal.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    expect(guide).toContain(`\`\`\`text\n${(error as Error).message}\n\`\`\`\n`)
  })
})
