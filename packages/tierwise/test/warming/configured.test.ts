import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { loadConfig, warmingFromConfig } from '../../src/config/index.ts'
import type { WarmingEvent } from '../../src/contract/events.ts'
import { initializeCacheManager, shutdownCacheManager } from '../../src/default-manager.ts'
import type { CacheManager } from '../../src/index.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'tierwise-warming-'))))
afterEach(async () => {
  vi.unstubAllEnvs()
  await shutdownCacheManager()
  await rm(folder, { recursive: true, force: true })
})

const tiers = (path: string): string => `
tiers: { memory: {}, disk: { path: ${path} } }
namespaces:
  factors: { ttl: 1h }
  curves: { ttl: 1h }
  users: { ttl: 1h, tenant: required }
`

async function write(warming: string): Promise<string> {
  const file = join(folder, 'tierwise.config.yaml')
  await writeFile(file, `${tiers(join(folder, 'disk'))}${warming}`)
  return file
}

/** What the disk holds, from a process before. */
async function fillDisk(): Promise<void> {
  const manager = await initializeCacheManager(await write(''))
  await manager.namespace('factors').setMany([
    ['eu/steel', 1],
    ['us/steel', 2],
  ])
  await manager.namespace('curves').set('eu/power', 3)
  await shutdownCacheManager()
}

const onlyEu = "warming: { onStart: true, patterns: [{ pattern: 'eu/*' }] }"

async function warmed(manager: CacheManager): Promise<WarmingEvent> {
  return new Promise((resolve) => manager.on('warming', (event) => event.state === 'finished' && resolve(event)))
}

const peeked = (manager: CacheManager): readonly unknown[] => [
  manager.namespace('factors').peek('eu/steel'),
  manager.namespace('factors').peek('us/steel'),
  manager.namespace('curves').peek('eu/power'),
]

describe('the warming of a configuration file', () => {
  test('brings its patterns up from the disk after the start, in all namespaces without tenants', async () => {
    await fillDisk()
    const manager = await initializeCacheManager(await write(onlyEu))
    expect(await warmed(manager)).toMatchObject({ name: 'start', outcome: 'done', present: 2, failed: 0 })
    expect(peeked(manager)).toEqual([1, undefined, 3])
  })

  test.each([
    ['true', onlyEu.replace('true', 'false'), [1, undefined, 3]],
    ['false', onlyEu, [undefined, undefined, undefined]],
  ])('does as CACHE_WARM_ON_STARTUP=%s says', async (value, warming, expected) => {
    await fillDisk()
    vi.stubEnv('CACHE_WARM_ON_STARTUP', value)
    const manager = await initializeCacheManager(await write(warming))
    if (value === 'true') await warmed(manager)
    // Nothing tells of what does not happen; a warming of this size takes a few milliseconds.
    else await new Promise((resolve) => setTimeout(resolve, 300))
    expect(peeked(manager)).toEqual(expected)
  })

  test('becomes a plan and its options', async () => {
    const file = await write(`
warming:
  strategy: sequential
  batchSize: 10
  maxTime: 30s
  workers: 2
  patterns:
    - { namespace: factors, pattern: 'eu/*', priority: high, tier: disk }
`)
    const { config } = await loadConfig({ file })
    expect(warmingFromConfig(config)).toEqual({
      plan: [{ namespace: 'factors', pattern: 'eu/*', priority: 'high', tier: 'disk' }],
      options: { name: 'start', strategy: 'sequential', batchSize: 10, deadline: '30s', concurrency: 2 },
    })
    const everywhere = { warming: { patterns: [{ pattern: '*' }] }, namespaces: config.namespaces ?? {} }
    expect(warmingFromConfig(everywhere).plan.map(({ namespace }) => namespace)).toEqual(['factors', 'curves'])
    expect(warmingFromConfig({})).toEqual({ plan: [], options: { name: 'start' } })
  })
})
