import { afterEach, describe, expect, test } from 'vitest'
import type { WarmingEvent } from '../../src/contract/events.ts'
import type { WarmingProgress } from '../../src/contract/warming.ts'
import { lengths, overTwoTiers } from './two-tiers.ts'

let stop = async (): Promise<void> => undefined
afterEach(async () => {
  await stop()
  stop = async () => undefined
})

function twoTiers(): ReturnType<typeof overTwoTiers> {
  const built = overTwoTiers()
  stop = built.stop
  return built
}

describe('the pace', () => {
  test('is the rate, evenly', async () => {
    const { manager, cache, runtime } = twoTiers()
    await cache.get('opens the tiers')
    const startedAt = runtime.clock.now()
    const times: number[] = []
    const keys = Array.from({ length: 100 }, (_, at) => `k${at}`)
    const loadMany = (some: readonly string[]): ReadonlyMap<string, number> => {
      times.push(...some.map(() => runtime.clock.now() - startedAt))
      return lengths(some)
    }
    await runtime.until(manager.warm({ namespace: 'factors', keys, loadMany }, { rate: 20, concurrency: 8 }))
    const upTo = (ms: number): number => times.filter((time) => time < ms).length
    expect([upTo(1000), upTo(2000), upTo(3000)]).toEqual([20, 40, 60])
    expect(upTo(500)).toBe(10)
  })
})

describe('the end', () => {
  test('comes with the deadline: what is left is given up and reported', async () => {
    const { manager, runtime } = twoTiers()
    let giveUp = (): void => undefined
    const load = (): Promise<never> => new Promise((_, reject) => (giveUp = () => reject(new Error('over'))))
    const hanging = { namespace: 'factors', keys: ['a', 'b'], load }
    const warming = manager.warm([hanging, { namespace: 'factors', keys: ['c'] }], {
      deadline: '2s',
      strategy: 'sequential',
    })
    await runtime.advance(2000)
    expect(await warming).toMatchObject({ outcome: 'deadline', loaded: 0, failed: 0, givenUp: 3, durationMs: 2000 })
    giveUp()
    await runtime.settle()
  })

  test('comes with the signal, also for a source that hangs', async () => {
    const { manager, runtime } = twoTiers()
    const controller = new AbortController()
    async function* stuck(): AsyncGenerator<string> {
      yield 'a'
      await new Promise(() => undefined)
    }
    const warming = manager.warm({ namespace: 'factors', keys: stuck() }, { signal: controller.signal })
    await runtime.settle()
    expect(warming.progress.state).toBe('running')
    controller.abort()
    expect(await warming).toMatchObject({ outcome: 'aborted' })
  })

  test('tells a loader that it is over', async () => {
    const { manager, runtime } = twoTiers()
    let reason: unknown
    const load = ({ signal }: { readonly signal: AbortSignal }): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject((reason = signal.reason) as Error)))
    const warming = manager.warm({ namespace: 'factors', keys: ['a'], load })
    await runtime.settle()
    await warming.stop()
    await runtime.settle()
    expect(reason).toBeDefined()
  })

  test('comes with the stop of the manager, at once', async () => {
    const { manager, runtime } = twoTiers()
    let giveUp = (): void => undefined
    const load = (): Promise<never> => new Promise((_, reject) => (giveUp = () => reject(new Error('over'))))
    const warming = manager.warm({ namespace: 'factors', keys: ['a', 'b'], load })
    await runtime.settle()
    const stopped = manager.stop()
    expect(await warming).toMatchObject({ outcome: 'stopped', givenUp: 2 })
    await stopped
    giveUp()
    await runtime.settle()
    await expect(manager.warm({ namespace: 'factors', keys: ['a'] })).rejects.toMatchObject({
      code: 'ERR_CACHE_STOPPED',
    })
    stop = async () => undefined
  })
})

describe('progress', () => {
  test('is told by events, by `onProgress` and by iteration, at most four times a second', async () => {
    const { manager, cache, runtime } = twoTiers()
    await cache.get('opens the tiers')
    const events: WarmingEvent[] = []
    const told: WarmingProgress[] = []
    manager.on('warming', (event) => events.push(event))
    const keys = Array.from({ length: 200 }, (_, at) => `k${at}`)
    const load = async ({ key }: { readonly key: string }): Promise<string> => {
      await new Promise<void>((resolve) => void runtime.timers.after(10, resolve))
      return key
    }
    const warming = manager.warm(
      { namespace: 'factors', keys, load },
      { name: 'start', batchSize: 1, concurrency: 1, onProgress: (progress) => told.push(progress) },
    )
    const iterated: WarmingProgress[] = []
    const iteration = (async () => {
      for await (const progress of warming) iterated.push(progress)
    })()
    await runtime.until(warming)
    await iteration
    expect(events.map(({ state }) => state)).toEqual([
      'started',
      ...Array.from({ length: events.length - 2 }, () => 'progress'),
      'finished',
    ])
    expect(events.length).toBeGreaterThan(8)
    expect(events.length).toBeLessThan(12)
    const half = told.find(({ done }) => done >= 100)!
    expect(half).toMatchObject({ name: 'start', state: 'running', total: 200 })
    expect(half.rate).toBeCloseTo(100, 0)
    expect(half.etaMs).toBeCloseTo((200 - half.done) * 10, -1)
    expect(told.at(-1)).toMatchObject({ state: 'finished', done: 200, loaded: 200, etaMs: 0 })
    expect(iterated.at(-1)).toEqual(told.at(-1))
    expect(events.at(-1)).toMatchObject({ outcome: 'done', done: 200 })
  })

  test('goes on when `onProgress` throws', async () => {
    const { manager } = twoTiers()
    const onProgress = (): never => {
      throw new Error('mine')
    }
    const errors: unknown[] = []
    manager.on('background-error', ({ work }) => errors.push(work))
    const report = await manager.warm({ namespace: 'factors', keys: ['a'], loadMany: lengths }, { onProgress })
    expect(report.loaded).toBe(1)
    expect(errors).toContain('onProgress')
  })
})
