import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

import { afterEach, beforeAll, afterAll, describe, expect, test } from 'vitest'

import { createCacheManager, getCacheManager, initializeCacheManager, shutdownCacheManager } from '../../src/index.ts'
import { fakeRuntime, faultPlan, faultTier, mapTier } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { stackOpener, stacks } from '../stacks.ts'

const open = stackOpener()
const run = promisify(execFile)

describe.each(stacks)('the life of a manager over $name', (definition) => {
  test('opens the tiers at the first use', async () => {
    const stack = open(definition)
    expect(await stack.manager.health()).toMatchObject({ state: 'new' })
    for (const name of stack.below) expect(stack.plan(name).callsOf('open')).toHaveLength(0)
    await Promise.all([stack.cache.get('a'), stack.cache.get('b')])
    expect(await stack.manager.health()).toMatchObject({ state: 'started' })
    await stack.manager.start()
    for (const name of stack.below) expect(stack.plan(name).callsOf('open')).toHaveLength(1)
  })

  test('tells that it starts and has started, though nobody called start', async () => {
    const stack = open(definition)
    const states: string[] = []
    stack.manager.on('lifecycle', ({ state }) => void states.push(state))
    await Promise.all([stack.cache.get('a'), stack.cache.get('b')])
    await stack.manager.start()
    expect(states).toEqual(['starting', 'started'])
  })

  test('ends once, however often it is stopped', async () => {
    const stack = open(definition)
    await stack.cache.set('key', 1)
    const states: string[] = []
    stack.manager.on('lifecycle', ({ state }) => void states.push(state))
    await Promise.all([stack.manager.stop(), stack.manager.stop(), stack.manager[Symbol.asyncDispose]()])
    await stack.manager.stop()
    expect(states).toEqual(['stopping', 'stopped'])
    for (const name of stack.below) expect(stack.plan(name).callsOf('close')).toHaveLength(1)
  })

  test('is over after the stop: every verb says so', async () => {
    const stack = open(definition)
    await stack.cache.set('key', 1)
    await stack.manager.stop()
    const { cache, manager } = stack
    const verbs: Record<string, () => Promise<unknown>> = {
      get: () => cache.get('key'),
      getEntry: () => cache.getEntry('key'),
      getOrSet: () => cache.getOrSet('key', () => 1),
      set: () => cache.set('key', 1),
      setMany: () => cache.setMany([['key', 1]]),
      delete: () => cache.delete('key'),
      deleteMany: () => cache.deleteMany(['key']),
      has: () => cache.has('key'),
      ttl: () => cache.ttl('key'),
      touch: () => cache.touch('key'),
      expire: () => cache.expire('key'),
      getMany: () => cache.getMany(['key']),
      getOrSetMany: () => cache.getOrSetMany(['key'], () => new Map()),
      invalidateTags: () => cache.invalidateTags(['a']),
      invalidatePattern: () => cache.invalidatePattern('*'),
      keys: () => cache.keys()[Symbol.asyncIterator]().next(),
      clear: () => cache.clear(),
      mutate: () => cache.mutate(['key'], async () => 1),
      start: () => manager.start(),
      'invalidateTags of the manager': () => manager.invalidateTags(['a']),
      'clear of the manager': () => manager.clear(),
    }
    for (const [name, verb] of Object.entries(verbs)) {
      await expect(verb(), name).rejects.toMatchObject({ code: 'ERR_CACHE_STOPPED' })
    }
    expect(cache.peek('key')).toBeUndefined()
    expect(await manager.health()).toMatchObject({ state: 'stopped' })
  })

  test('does not start a loader for a lookup that the stop interrupted', async () => {
    const stack = open(definition)
    await stack.manager.start()
    for (const name of stack.below) stack.plan(name).hang('get')
    let calls = 0
    const load = stack.cache.getOrSet('key', async ({ signal }) => {
      calls++
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const failed = expect(load).rejects.toMatchObject({ code: 'ERR_CACHE_STOPPED' })
    await stack.runtime.settle()
    const before = calls
    await stack.runtime.until(stack.manager.stop())
    // The lookup goes through the closed tiers one by one.
    await stack.runtime.advance(2000)
    await failed
    expect(calls).toBe(before)
  })
})

describe('a manager that nobody used', () => {
  test('stops without opening anything', async () => {
    const plan = faultPlan()
    const manager = createCacheManager({ tiers: [memory(), faultTier(mapTier(), plan)] })
    await manager.stop()
    expect(plan.calls).toEqual([])
  })

  test('builds no event while nobody listens, and counts all the same', async () => {
    const stack = open('L1+L2 plain')
    await stack.cache.get('key')
    await stack.cache.set('key', null)
    await stack.cache.get('key')
    await stack.cache.getMany(['key', 'other'])
    await stack.cache.getOrSet('other', () => 2)
    await stack.cache.delete('other')
    const { overall, namespaces, hitRate } = stack.manager.analytics()
    expect(overall).toMatchObject({
      hits: 2,
      misses: 3,
      sets: 1,
      loads: 1,
      deletes: 1,
      invalidations: 1,
      hitsByTier: { memory: 2 },
    })
    expect(namespaces['test']).toEqual(overall)
    expect(hitRate).toBeCloseTo(2 / 5)
  })

  test('has no hit rate before the first get', () => {
    expect(open('L1').manager.analytics().hitRate).toBeUndefined()
  })
})

describe('a listener', () => {
  test('hears until it is taken off, and its own failure hurts nobody', async () => {
    const stack = open('L1+L2 plain')
    const heard: string[] = []
    const failures: unknown[] = []
    stack.manager.on('background-error', ({ work }) => void failures.push(work))
    const off = stack.manager.on('hit', ({ key, tier }) => {
      heard.push(`${tier} ${key}`)
      throw new Error('listener')
    })
    await stack.cache.set('key', 1)
    expect(await stack.cache.get('key')).toBe(1)
    expect(stack.cache.peek('key')).toBe(1)
    expect(await stack.cache.getOrSet('key', () => 2)).toBe(1)
    off()
    await stack.cache.get('key')
    expect(heard).toEqual(['memory key', 'memory key', 'memory key'])
    expect(failures).toEqual(['hit listener', 'hit listener', 'hit listener'])
  })
})

describe('the default manager', () => {
  afterEach(() => shutdownCacheManager())

  test('says what to call when there is none', () => {
    expect(() => getCacheManager()).toThrow(
      expect.objectContaining({ name: 'ConfigError', code: 'ERR_CACHE_NOT_INITIALIZED' }),
    )
    expect(() => getCacheManager()).toThrow(/initializeCacheManager/)
  })

  test('is one for the process, and the next replaces it', async () => {
    const first = await initializeCacheManager({ tiers: [memory()] })
    expect(getCacheManager()).toBe(first)
    const second = await initializeCacheManager({ tiers: [memory()] })
    expect(getCacheManager()).toBe(second)
    await expect(first.namespace('n').get('key')).rejects.toMatchObject({ code: 'ERR_CACHE_STOPPED' })
    await shutdownCacheManager()
    await shutdownCacheManager()
    expect(() => getCacheManager()).toThrow(/no default cache manager/)
  })

  test('is not there after a start that failed', async () => {
    const plan = faultPlan()
    plan.fail('open')
    await expect(
      initializeCacheManager({ tiers: [faultTier(mapTier(), plan)], runtime: fakeRuntime() }),
    ).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
    expect(() => getCacheManager()).toThrow(/no default cache manager/)
  })
})

describe('a process that used a cache', () => {
  const root = resolve(import.meta.dirname, '../..')
  let built = ''

  beforeAll(async () => {
    built = mkdtempSync(join(tmpdir(), 'tierwise-life-'))
    symlinkSync(resolve(root, '../../node_modules'), join(built, 'node_modules'))
    writeFileSync(join(built, 'package.json'), '{"type":"module"}')
    await run(
      'npx',
      [
        'tsc',
        '-p',
        'tsconfig.build.json',
        '--outDir',
        built,
        '--declaration',
        'false',
        '--declarationMap',
        'false',
        '--isolatedDeclarations',
        'false',
        '--sourceMap',
        'false',
      ],
      { cwd: root },
    )
  }, 60_000)

  afterAll(() => rmSync(built, { recursive: true, force: true }))

  const program = (end: string): string => `
    import { createCacheManager } from './index.js'
    import { memory } from './tiers/memory/index.js'
    import { mapTier } from './testing/map-tier.js'
    const manager = createCacheManager({ tiers: [memory(), mapTier()], defaults: { hardTimeout: '1h', grace: '1h' } })
    const cache = manager.namespace('n')
    await cache.set('a', 1, { writeMode: 'behind' })
    await cache.getOrSet('b', () => 2)
    ${end}
    process.stdout.write('done')
  `

  test.each([
    ['stopped it', 'await manager.stop()'],
    ['forgot to stop it', ''],
    ['left a load behind', "void cache.getOrSet('c', () => new Promise(() => {}))"],
  ])('ends by itself when it %s', async (_how, end) => {
    const file = join(built, `run-${Math.abs(end.length)}.mjs`)
    writeFileSync(file, program(end))
    const { stdout } = await run(process.execPath, [file], { timeout: 10_000 })
    expect(stdout).toBe('done')
  })
})
