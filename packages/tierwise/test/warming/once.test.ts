import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CacheManager } from '../../src/contract/cache.ts'
import type { Warming, WarmingOptions, WarmingReport } from '../../src/contract/warming.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { startRedis } from '../../src/testing/index.ts'
import type { RedisServer } from '../../src/testing/index.ts'
import { until } from '../../src/testing/servers/until.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import type { WarmerOrder } from './children/warmer.ts'

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())
beforeEach(async () => void (await server.command('FLUSHALL')))

const managers: CacheManager[] = []
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.stop()))
})

function open(strictNamespaces = false): CacheManager {
  const manager = createCacheManager({
    tiers: [memory(), redis({ host: server.host, port: server.port })],
    namespaces: { factors: { ttl: '1h', lease: '1s' } },
    strictNamespaces,
    // Claims need their leases whatever the application does without.
    defaults: { coherence: 'off' },
    tierTimeout: '2s',
  })
  managers.push(manager)
  return manager
}

const keys = Array.from({ length: 60 }, (_, at) => `k${at}`)
const seen = (look: () => boolean | Promise<boolean>): Promise<void> => until(look, { what: 'what the test waits for' })
const briefly = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

describe('once across the managers of a Redis', () => {
  const loads = new Map<string, number>()
  const warmOn = (manager: CacheManager, options: WarmingOptions = {}): Warming =>
    manager.warm(
      {
        namespace: 'factors',
        keys,
        loadMany: async (some) => {
          for (const key of some) loads.set(key, (loads.get(key) ?? 0) + 1)
          await briefly(5)
          return new Map(some.map((key) => [key, key]))
        },
      },
      { once: 'start', batchSize: 10, ...options },
    )
  beforeEach(() => loads.clear())

  test('one loads, the others wait for it and load nothing', async () => {
    const reports = await Promise.all([warmOn(open()), warmOn(open(true)), warmOn(open())])
    expect(reports.map(({ outcome }) => outcome).toSorted()).toEqual(['done', 'elsewhere', 'elsewhere'])
    expect([...loads.values()]).toEqual(keys.map(() => 1))
    expect(await open().namespace('factors').getMany(keys)).toHaveProperty('size', keys.length)
  })

  test('those that skip do not wait', async () => {
    const first = open()
    let done = (): void => undefined
    const held = first.warm(
      { namespace: 'factors', keys: ['slow'], load: () => new Promise<number>((resolve) => (done = () => resolve(1))) },
      { once: 'start' },
    )
    await seen(async () => (await first.namespace('tierwise.warming').get('claim:start')) !== undefined)
    expect(await warmOn(open(), { once: { name: 'start', others: 'skip' } })).toMatchObject({
      outcome: 'skipped',
      loaded: 0,
    })
    await seen(() => held.progress.state === 'running')
    await briefly(50)
    done()
    expect(await held).toMatchObject({ outcome: 'done', loaded: 1 })
    expect(await warmOn(open())).toMatchObject({ outcome: 'elsewhere' })
  })

  test('what the first was stopped in, the next one goes on with at once', async () => {
    const first = open()
    const warming = warmOn(first, { rate: 40 })
    await seen(() => loads.size >= 10)
    const second = warmOn(open())
    await briefly(100)
    await first.stop()
    const stoppedAt = performance.now()
    expect(await warming).toMatchObject({ outcome: 'stopped' })
    expect(await second).toMatchObject({ outcome: 'done', failed: 0 })
    // Far less than a takeover.
    expect(performance.now() - stoppedAt).toBeLessThan(5000)
    expect(loads.size).toBe(keys.length)
  })

  test('counts as done for as long as it says', async () => {
    const short = { name: 'start', for: '200ms' } as const
    await warmOn(open(), { once: short })
    expect(await warmOn(open(), { once: short })).toMatchObject({ outcome: 'elsewhere' })
    await briefly(250)
    expect(await warmOn(open(), { once: short })).toMatchObject({ outcome: 'done', present: keys.length })
  })

  test('a deadline ends the wait for another one too', async () => {
    const first = open()
    const warming = warmOn(first, { rate: 10 })
    await seen(() => loads.size > 0)
    expect(await warmOn(open(), { deadline: '300ms' })).toMatchObject({
      outcome: 'deadline',
      durationMs: expect.any(Number),
    })
    await warming.stop()
  })

  test('who stood still for too long finds that another has taken over, and ends', async () => {
    const first = open()
    const warming = warmOn(first, { rate: 20, once: { name: 'start', takeover: '400ms' } })
    await seen(() => loads.size > 0)
    await first.namespace('tierwise.warming').set('claim:start', { owner: 'another' }, { ttl: '1m' })
    expect(await warming).toMatchObject({ outcome: 'lost' })
    expect(await first.namespace('tierwise.warming').get('claim:start')).toEqual({ owner: 'another' })
  })
})

describe('once across processes', () => {
  let folder: string
  let program: string
  beforeAll(async () => {
    folder = await mkdtemp(join(import.meta.dirname, '../../node_modules/.warmer-'))
    program = await bundled(folder)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('the process that warms is killed half way, and another one finishes', { timeout: 60_000 }, async () => {
    const loads = new Map<string, string[]>()
    const reports: { readonly name: string; readonly report: WarmingReport }[] = []
    const start = (name: string): ChildProcess => {
      const order: WarmerOrder = { name, host: server.host, port: server.port, keys: keys.length, msPerKey: 40 }
      const child = fork(program, [JSON.stringify(order)], { execArgv: [] })
      child.on('message', (message: { name: string; loading?: string; report?: WarmingReport }) => {
        if (message.loading !== undefined) loads.set(message.loading, [...(loads.get(message.loading) ?? []), name])
        if (message.report !== undefined) reports.push({ name, report: message.report })
      })
      return child
    }
    const children = new Map(['a', 'b', 'c'].map((name) => [name, start(name)]))
    await seen(() => loads.size >= 30)
    const [first] = new Set([...loads.values()].flat())
    expect([...new Set([...loads.values()].flat())]).toEqual([first])
    children.get(first!)!.kill('SIGKILL')
    const others = [...children].filter(([name]) => name !== first).map(([, child]) => child)
    await Promise.all(others.map((child) => once(child, 'exit')))
    const outcomes = reports.map(({ report }) => report.outcome)
    expect(outcomes.toSorted()).toEqual(['done', 'elsewhere'])
    const { report } = reports.find((each) => each.report.outcome === 'done')!
    expect(report.loaded + report.present).toBe(keys.length)
    expect(loads.size).toBe(keys.length)
    // Only what the killed one had begun, and not stored, was loaded a second time.
    const twice = [...loads.values()].filter((by) => by.length > 1)
    expect(twice.length).toBeLessThanOrEqual(4)
    expect(twice.every((by) => by.length === 2)).toBe(true)
  })
})

/** Node 20 does not run TypeScript. The folder is below the package, so that the program finds what it needs. */
async function bundled(outDir: string): Promise<string> {
  const root = join(import.meta.dirname, '../..')
  const output = { entryFileNames: 'warmer.mjs' }
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      ssr: join(import.meta.dirname, 'children/warmer.ts'),
      outDir,
      emptyOutDir: false,
      rollupOptions: { external: ['ioredis', 'iovalkey', 'redis', 'lmdb'], output },
    },
  })
  return join(outDir, 'warmer.mjs')
}
