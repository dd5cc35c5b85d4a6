import { describe, expect, test } from 'vitest'
import { loadConfig, printConfig } from '../../src/config/index.ts'
import type { LoadedConfig } from '../../src/config/index.ts'
import { folderWith } from './config-files.ts'

function load(
  text: string,
  env: Record<string, string> = {},
  files: Record<string, string> = {},
): Promise<LoadedConfig> {
  return loadConfig({ cwd: folderWith({ 'tierwise.config.yaml': text, ...files }), env })
}

async function application(
  text: string,
  env: Record<string, string> = {},
  files?: Record<string, string>,
): Promise<unknown> {
  const { config } = await load(`tiers: { memory: }\napplication: { it: '${text}' }\n`, env, files)
  return config.application?.['it']
}

describe('a text', () => {
  test.each([
    { text: '${A}', env: { A: 'x' }, gives: 'x' },
    { text: 'a-${A}-${B}', env: { A: 'x', B: 'y' }, gives: 'a-x-y' },
    { text: '${A:-x}', env: {}, gives: 'x' },
    { text: '${A:-x}', env: { A: '' }, gives: 'x' },
    { text: '${A:-x}', env: { A: 'y' }, gives: 'y' },
    { text: '${A:-${B}-${C:-z}}', env: { B: 'y' }, gives: 'y-z' },
    { text: 'a${A:-}b', env: {}, gives: 'ab' },
    { text: '$${A}', env: { A: 'x' }, gives: '${A}' },
    { text: '$A and $', env: { A: 'x' }, gives: '$A and $' },
    { text: '${A}', env: { A: '${B}', B: 'x' }, gives: '${B}' },
    { text: '${A:-}', env: {}, gives: undefined },
  ])('$text is $gives with $env', async ({ text, env, gives }) => {
    expect(await application(text, env as Record<string, string>)).toBe(gives)
  })

  test.each([
    { content: 'hunter2', gives: 'hunter2' },
    { content: 'hunter2\n', gives: 'hunter2' },
    { content: 'hunter2\r\n', gives: 'hunter2' },
    { content: ' two\nlines\n\n', gives: ' two\nlines\n' },
  ])(
    'comes from a file beside the configuration, without the end of its last line: $content',
    async ({ content, gives }) => {
      expect(await application('${file:secrets/a}', {}, { 'secrets/a': content })).toBe(gives)
    },
  )
})

describe('a variable alone', () => {
  test('becomes the number or the boolean that is wanted there', async () => {
    const { config } = await load(
      `tiers: { redis: { host: '\${H}', port: '\${P}', tls: '\${T}', tracking: '\${K:-false}' } }
strictNamespaces: '\${S:-True}'
maxRefreshes: '\${M:-5}'
defaults: { ttl: '\${TTL}', jitter: '\${J:-0.5}' }
namespaces: { a: { version: '\${V:-2}' } }
`,
      { H: '10', P: '6380', T: 'false', TTL: '60000' },
    )
    expect(config).toMatchObject({
      tiers: { redis: { host: '10', port: 6380, tls: false, tracking: false } },
      strictNamespaces: true,
      maxRefreshes: 5,
      defaults: { ttl: 60_000, jitter: 0.5 },
      namespaces: { a: { version: '2' } },
    })
  })
})

describe('what came from a variable or a file', () => {
  test('is shown by its name, wherever it stands', async () => {
    const text = `tiers:
  redis:
    host: \${H}
    port: \${P:-6380}
    password: \${file:secret}
  postgres: { url: 'postgres://app:\${PW}@\${DB:-db}/app?sslpassword=hunter2' }
defaults: { ttl: '\${TTL}s' }
`
    const loaded = await load(text, { H: 'hunter2', PW: 'hunter2', TTL: '30' }, { secret: 'hunter2\n' })
    expect(loaded.config.tiers['redis']).toMatchObject({ host: 'hunter2', port: 6380, password: 'hunter2' })
    expect([...loaded.secretPaths]).toEqual([
      'tiers.redis.host',
      'tiers.redis.password',
      'tiers.postgres.url',
      'defaults.ttl',
    ])
    expect(printConfig(loaded)).toBe(`# profile: none
tiers:
  redis:
    type: redis
    host: \${H}
    port: 6380
    password: \${file:secret}
  postgres:
    type: postgres
    url: postgres://app:\${PW}@db/app?sslpassword=***
chain:
  - redis
  - postgres
defaults:
  ttl: \${TTL}s
`)
    expect(printConfig(loaded, 'json')).not.toContain('hunter2')
  })
})

describe('what is written as it is', () => {
  test('is masked where it is a secret', async () => {
    const secret = `${'A'.repeat(43)}=`
    const text = `tiers:
  redis:
    sentinel: { name: main, nodes: [{ host: s }], username: a, password: hunter2 }
    password: hunter2
    tls: { key: -----BEGIN hunter2, cert: -----BEGIN }
  cache: { type: redis, url: 'redis://app:hunter2@cache:6380/1' }
  views: { type: postgres-views, url: 'postgres://db/app', views: { a: { view: a, key: id } } }
encryption: { keys: [{ id: 1, secret: '${secret}' }] }
namespaces: { token: { ttl: 1m } }
application: { apiKey: hunter2, access_token: hunter2, keyPrefix: a, tokens: 5, dbPassword: 5, url: 'http://u:hun/t@er2@h' }
`
    const loaded = await load(text)
    const printed = printConfig(loaded)
    for (const part of ['hunter2', 'hun/t', 'er2', 'AAAA', 'dbPassword: 5']) expect(printed).not.toContain(part)
    expect(printed).toContain('url: redis://app:***@cache:6380/1')
    expect(printed).toContain('key: id')
    expect(printed).toContain('keyPrefix: a\n  tokens: 5')
    expect(loaded.secretPaths).toContain('encryption.keys[0].secret')
  })
})
