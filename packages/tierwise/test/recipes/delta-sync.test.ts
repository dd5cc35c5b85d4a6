import { describe, expect, it } from 'vitest'

import { createCoordination } from '../../src/coordination/index.ts'
import { deltaSync, type SyncPage } from '../../src/recipes/delta-sync.ts'
import { deltaSyncCases } from './integration/delta-sync-cases.ts'
import { embedded } from './integration/worlds.ts'

deltaSyncCases(embedded)

const volatile = { allowVolatile: true, now: () => 1_000_000_000_000 }

describe('what a source says', () => {
  it('moves the watermark by `upTo` of a page, also where the records are in no order', async () => {
    await using coordination = createCoordination()
    const sync = deltaSync(coordination, volatile)
    const pages: SyncPage<number, number>[] = [
      { records: [7, 3], next: 1 },
      { records: [5, 1], upTo: new Date(9) },
    ]
    const outcome = await sync.run<number, number>({
      entity: 'orders',
      fetchSince: ({ cursor = 0 }) => pages[cursor]!,
      process: () => {},
    })
    expect(outcome).toMatchObject({ ok: true, records: 4, watermark: 9 })
  })

  it('does not move the watermark when it says nothing of time', async () => {
    await using coordination = createCoordination()
    const sync = deltaSync(coordination, volatile)
    const outcome = await sync.run({ entity: 'orders', fetchSince: () => ({ records: [1] }), process: () => {} })
    expect(outcome).toMatchObject({ ok: true, records: 1, watermark: undefined })
  })

  it.each([
    ['records before those of the page before', [{ records: [5], next: 1 }, { records: [4] }], 5],
    [
      'a page that names itself',
      [
        { records: [5], next: 1 },
        { records: [6], next: 1 },
      ],
      5,
    ],
    ['a record that was changed at no time', [{ records: [5], next: 1 }, { records: [Number.NaN] }], 5],
    ['a page that was changed at no time', [{ records: [5], upTo: new Date('never') }], undefined],
  ])('is refused with %s, and nothing of that page is processed', async (_, pages, watermark) => {
    await using coordination = createCoordination()
    const sync = deltaSync(coordination, volatile)
    const seen: number[] = []
    const outcome = await sync.run<number, number>({
      entity: 'orders',
      fetchSince: ({ cursor = 0 }) => pages[cursor] as SyncPage<number, number>,
      markOf: (mark) => mark,
      process: (records) => void seen.push(...records),
    })
    const failures = [{ batch: pages.length, stage: 'fetch', error: expect.any(RangeError) }]
    expect(outcome).toMatchObject({ ok: false, reason: 'failed', failures, watermark })
    expect(seen).toEqual(watermark === undefined ? [] : [5])
  })

  it('ends the run when it fails, also with `continue`', async () => {
    await using coordination = createCoordination()
    const sync = deltaSync(coordination, { ...volatile, onFailure: 'continue' })
    const fetchSince = (): never => {
      throw new Error('theirs')
    }
    const outcome = await sync.run({ entity: 'orders', fetchSince, process: () => {} })
    expect(outcome).toMatchObject({ ok: false, failures: [{ batch: 1, stage: 'fetch', error: new Error('theirs') }] })
    expect((await sync.run({ entity: 'orders', fetchSince: () => ({ records: [] }), process: () => {} })).ok).toBe(true)
  })

  it('is asked with a signal that ends with the run', async () => {
    await using coordination = createCoordination()
    const sync = deltaSync(coordination, volatile)
    const caller = new AbortController()
    const run = { entity: 'orders', process: () => {}, signal: caller.signal }
    const fetchSince = ({ signal }: { signal: AbortSignal }): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    const running = sync.run({ ...run, fetchSince })
    setImmediate(() => caller.abort(new Error('enough')))
    expect(await running).toMatchObject({ ok: false, reason: 'aborted', failures: [] })
  })
})

describe('options of deltaSync', () => {
  it.each([
    [{ ...volatile, overlap: 0 }, 'overlap'],
    [{ ...volatile, lookBack: 'long' }, 'lookBack'],
    [{ ...volatile, onFailure: 'ignore' }, 'onFailure'],
    [{ ...volatile, lock: '1s' }, 'lockTtl'],
  ])('refuses %j', async (options, named) => {
    await using coordination = createCoordination()
    expect(() => deltaSync(coordination, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining(named) }),
    )
  })

  it('refuse a store that forgets', async () => {
    await using coordination = createCoordination()
    expect(() => deltaSync(coordination)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_CONFIG' }))
  })

  it.each([{ entity: '' }, { entity: 'a:b' }, { entity: 'a', module: '' }, { entity: 'a', module: 'b:c' }])(
    'refuse the target %j',
    async (target) => {
      await using coordination = createCoordination()
      const sync = deltaSync(coordination, volatile)
      const run = { ...target, fetchSince: () => ({ records: [] }), process: () => {} }
      await expect(sync.run(run)).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
      await expect(sync.status(target)).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
      await expect(sync.reset(target)).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
    },
  )
})
