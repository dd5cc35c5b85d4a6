import { afterEach, describe, expect, it } from 'vitest'

import type { Cache, CacheManager, ClearOptions } from '../../src/contract/cache.ts'
import { fakeRuntime, mapTier, testCache, type FakeRuntime } from '../../src/testing/index.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** Longer than any breaker stays open. */
const pause = 20_000

/** Two shared tiers that keep the tags, and one that keeps none. */
function start() {
  const plain = new Map()
  const built = testCache()
    .memory()
    .faulty('near', mapTier({ name: 'near', plain }))
    .faulty('far', mapTier({ name: 'far' }))
    .faulty('bare', mapTier({ name: 'bare', capabilities: { tags: false } }))
    .namespace('factors')
    .namespace('near-only', { tiers: ['near'] })
    .namespace('legacy', { raw: { keyPrefix: 'legacy:' }, tiers: ['near'] })
    .build()
  stops.push(built.stop)
  return built
}

const refusal = (operation: string, namespace: string, tier = 'far'): object => ({
  name: 'TierError',
  code: 'ERR_CACHE_TIER_WRITE',
  retryable: true,
  operation,
  namespace,
  tier,
})

/** What a verb of a manager, or of a namespace of it, does. */
interface Verb {
  readonly of: string
  readonly namespace: string
  tags(options?: { strict?: boolean }): Promise<void>
  clear(options?: ClearOptions): Promise<void>
}

const verbs = ({ manager, cache }: { manager: CacheManager; cache: Cache }): readonly Verb[] =>
  [
    { of: 'a namespace', namespace: 'factors', on: cache },
    { of: 'the manager', namespace: '*', on: manager },
  ].map(({ on, ...rest }) => ({
    ...rest,
    tags: (options) => on.invalidateTags(['red'], options),
    clear: (options) => on.clear(options),
  }))

async function afterPause<T>(runtime: FakeRuntime, work: () => Promise<T>): Promise<T> {
  await runtime.advance(pause)
  return runtime.until(work())
}

describe.each([0, 1])('strict (%d)', (which) => {
  it('tags throw when a tier that keeps them could not be told, and count here all the same', async () => {
    const built = start()
    const { cache, runtime, faults } = built
    const { namespace, tags } = verbs(built)[which]!
    await runtime.until(cache.set('k', 1, { tags: ['red'] }))
    await runtime.until(tags({ strict: true }))
    await runtime.until(cache.set('k', 1, { tags: ['red'] }))
    faults.far.fail('tags')
    await expect(runtime.until(tags({ strict: true }))).rejects.toMatchObject(refusal('invalidateTags', namespace))
    expect(await runtime.until(cache.get('k'))).toBe(undefined)
    await runtime.until(tags())
    await runtime.until(tags({ strict: false }))
    faults.far.clear()
    await afterPause(runtime, () => tags({ strict: true }))
  })

  it('tags open a tier that is not open, and throw when it does not take them then', async () => {
    const built = start()
    const { runtime, faults } = built
    const { namespace, tags } = verbs(built)[which]!
    faults.far.fail('open')
    await runtime.until(built.manager.namespace('near-only').get('k'))
    faults.far.clear()
    // The first call says what is invalidated already, which is a part of opening it.
    faults.far.fail('tags', { after: 1 })
    await expect(
      afterPause(runtime, () => tags({ strict: true })),
      'it opens, and no more',
    ).rejects.toMatchObject(refusal('invalidateTags', namespace))
    expect(faults.far.callsOf('tags').length).toBeGreaterThan(1)
  })

  it('tags and clears throw while a tier that keeps tags is not open', async () => {
    const built = start()
    const { runtime, faults } = built
    const { namespace, tags, clear } = verbs(built)[which]!
    faults.far.fail('open')
    await expect(runtime.until(tags({ strict: true }))).rejects.toMatchObject(refusal('invalidateTags', namespace))
    await expect(runtime.until(clear({ strict: true }))).rejects.toMatchObject(refusal('clear', namespace))
    await runtime.until(tags())
    await runtime.until(clear())
    faults.far.clear()
    // Nothing else uses the tier: it is this that opens it.
    await afterPause(runtime, () => (which === 0 ? tags({ strict: true }) : clear({ strict: true })))
    expect(faults.far.callsOf('tags').flatMap(({ keys }) => keys)).toContain(namespace === '*' ? ':red' : 'factors:red')
  })

  it('clears throw when a tier that keeps tags could not be told, though it could free its space', async () => {
    const built = start()
    const { runtime, faults } = built
    const { namespace, clear } = verbs(built)[which]!
    await runtime.until(clear({ strict: true }))
    faults.far.fail('tags')
    await expect(runtime.until(clear({ strict: true }))).rejects.toMatchObject(refusal('clear', namespace))
    await runtime.until(clear())
    await runtime.until(clear({ hard: true }))
    faults.far.clear()
    await afterPause(runtime, () => clear({ strict: true }))
  })

  it('clears wait for space with hard alone, and throw when it could not be freed', async () => {
    const built = start()
    const { runtime, faults } = built
    const { namespace, clear } = verbs(built)[which]!
    await runtime.until(built.cache.set('k', 1))
    faults.bare.fail('clear')
    await runtime.until(clear({ strict: true }))
    await afterPause(runtime, async () => undefined)
    const strict = clear({ hard: true, strict: true })
    await expect(runtime.until(strict)).rejects.toMatchObject(refusal('clear', namespace, 'bare'))
    await runtime.until(clear({ hard: true }))
  })

  it('refuses options that it does not know', async () => {
    const { tags, clear } = verbs(start())[which]!
    const wrong = { stric: true } as object
    for (const work of [() => tags(wrong), () => clear(wrong), () => tags({ strict: 'yes' as never })])
      await expect(work()).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
  })
})

describe('strict in a namespace', () => {
  it('asks nothing of tiers that it does not use', async () => {
    const { manager, runtime, faults } = start()
    faults.far.fail('*')
    const cache = manager.namespace('near-only')
    await runtime.until(cache.invalidateTags(['red'], { strict: true }))
    await runtime.until(cache.clear({ strict: true }))
  })

  it('of plain values throws when they could not be removed', async () => {
    const { manager, runtime, faults } = start()
    const cache = manager.namespace('legacy')
    await runtime.until(cache.set('k', 'v'))
    faults.near.fail('delete')
    await expect(runtime.until(cache.clear({ strict: true }))).rejects.toMatchObject(refusal('clear', 'legacy', 'near'))
    await runtime.until(cache.clear())
    faults.near.clear()
    faults.near.fail('tags')
    await afterPause(runtime, () => cache.clear({ strict: true }))
  })
})

it('a strict clear of a manager throws for what no namespace of it has touched', async () => {
  const { manager, faults, runtime, stop } = testCache().memory().faulty('far').build()
  stops.push(stop)
  await runtime.until(manager.start())
  await runtime.settle()
  // The first one is for the only namespace that there is.
  faults.far.fail('tags', { after: 1 })
  await expect(runtime.until(manager.clear({ strict: true }))).rejects.toMatchObject(refusal('clear', '*'))
})

it('strict where no tier keeps tags throws only when a clear could not be made', async () => {
  const runtime = fakeRuntime()
  const { cache, faults, stop } = testCache()
    .runtime(runtime)
    .memory()
    .faulty('bare', mapTier({ name: 'bare', capabilities: { tags: false } }))
    .build()
  stops.push(stop)
  await runtime.until(cache.invalidateTags(['red'], { strict: true }))
  faults.bare.fail('clear')
  await expect(runtime.until(cache.clear({ strict: true }))).rejects.toMatchObject(refusal('clear', 'test', 'bare'))
})
