import { execFile, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startRedis } from 'tierwise/testing'

const program = (name: string): string => fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url))

/** Runs the built service, tells `use` where it serves once it has said all it says, and stops it. */
async function running(env: NodeJS.ProcessEnv, use: (origin: string, key: string) => Promise<void>): Promise<Run> {
  const child = spawn(process.execPath, [program('start')], {
    env: { ...process.env, REDIS_URL: undefined, ...env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let used: Promise<void> | undefined
  const read = (text: string): void => {
    output += text
    const [, origin = ''] = /serving at (\S+),/.exec(output) ?? []
    const [, key] = /key for reports.*: (.+)\n/.exec(output) ?? []
    if (key !== undefined) used ??= use(origin, key).finally(() => child.kill('SIGTERM'))
  }
  child.stdout.setEncoding('utf8').on('data', read)
  child.stderr.setEncoding('utf8').on('data', read)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  await used
  return { code, output }
}

interface Run {
  readonly code: number | null
  readonly output: string
}

/** Sends what the partner's program has signed, as curl would. */
async function sendSigned(kind: string, url: string, content: object): Promise<Response> {
  const { stdout } = await promisify(execFile)(process.execPath, [program('sign'), kind, url, JSON.stringify(content)])
  const settings = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' = ') as [string, string])
  const valuesOf = (name: string): string[] =>
    settings.flatMap(([each, value]) => (each === name ? [JSON.parse(value) as string] : []))
  const headers = valuesOf('header').map((field) => field.split(': ') as [string, string])
  return fetch(valuesOf('url')[0] ?? '', { method: 'POST', headers, body: valuesOf('data')[0] ?? '' })
}

test('the process gives out a key, takes what the partner signs, and ends well when it is told to', async () => {
  const statuses: number[] = []
  const run = await running({}, async (origin, key) => {
    const authorization = `Bearer ${key}`
    statuses.push((await fetch(`${origin}/reports`, { headers: { authorization } })).status)
    const content = { number: '4711', amount: 10 }
    statuses.push((await sendSigned('order', `${origin}/orders`, content)).status)
    statuses.push((await sendSigned('order', `${origin}/orders`, content)).status)
    statuses.push((await sendSigned('webhook', `${origin}/webhooks/acme`, content)).status)
  })
  expect(statuses).toEqual([200, 201, 200, 200])
  expect(run).toMatchObject({ code: 0, output: expect.stringContaining('stopped') })
})

test('the process starts, says what it lacks, and ends well while Redis is away', async () => {
  const redis = await startRedis({ dedicated: true })
  await redis.kill()
  let status = 0
  const run = await running({ REDIS_URL: redis.url }, async (origin) => {
    status = (await fetch(`${origin}/partner/prices`)).status
  })
  expect(status).toBe(200)
  expect(run).toMatchObject({ code: 0, output: expect.stringMatching(/there is no key for reports[^]*stopped/) })
  await redis.stop()
})
