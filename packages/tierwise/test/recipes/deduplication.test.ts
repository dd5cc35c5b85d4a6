import { describe, expect, it } from 'vitest'

import { createCoordination } from '../../src/coordination/index.ts'
import { deduplication } from '../../src/recipes/deduplication.ts'
import { deduplicationCases } from './integration/deduplication-cases.ts'
import { embedded } from './integration/worlds.ts'

deduplicationCases(embedded)

describe('ids of records', () => {
  it('are the text itself, or what the option makes of it', async () => {
    await using coordination = createCoordination()
    expect(deduplication<string>(coordination, { entity: 'o' }).idOf('o1')).toBe('o1')
    const numbered = deduplication<{ n: number }>(coordination, { entity: 'o', id: ({ n }) => `order ${n}` })
    expect(numbered.idOf({ n: 4 })).toBe('order 4')
  })

  it('are those of the content: the order of properties plays no part, types do', async () => {
    await using coordination = createCoordination()
    const { idOf } = bound(deduplication(coordination, { entity: 'o' }))
    expect(idOf({ a: 1, b: { c: [1, 2], d: new Date(5) } })).toBe(idOf({ b: { d: new Date(5), c: [1, 2] }, a: 1 }))
    const all = [{ a: 1 }, { a: '1' }, { a: 1n }, { a: null }, { a: [1] }, { b: 1 }, [1, 2], [2, 1], [[1], 2], 12, null]
    expect(new Set(all.map((record) => idOf(record))).size).toBe(all.length)
    expect(idOf({ a: 1 })).toMatch(/^[0-9a-f]{64}$/)
  })

  it('are refused without content to compare, and the rest of the batch is done', async () => {
    await using coordination = createCoordination()
    const records = deduplication(coordination, { entity: 'o' })
    expect(() => records.idOf({ run: () => 1 })).toThrow(expect.objectContaining({ code: 'ERR_CACHE_KEY' }))
    await expect(records.processOnce('', () => 1)).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
    const { processed, failed } = await records.processBatch([{ run: () => 1 }, { a: 1 }], () => 1)
    expect([processed.length, failed.length]).toEqual([1, 1])
  })
})

describe('batches', () => {
  it('are worked on a few at a time', async () => {
    await using coordination = createCoordination()
    const records = deduplication(coordination, { entity: 'o', concurrency: 3 })
    let [running, most] = [0, 0]
    const names = Array.from({ length: 20 }, (_, i) => `o${i}`)
    const { processed } = await records.processBatch(names, async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => void setImmediate(resolve))
      running--
    })
    expect([processed.length, most]).toEqual([20, 3])
    expect(await records.processBatch([], () => 1)).toEqual({ processed: [], duplicates: [], busy: [], failed: [] })
  })
})

describe('options of deduplication', () => {
  it.each([
    [{}, 'entity'],
    [{ entity: 'a:b' }, 'entity'],
    [{ entity: 'o', lease: 0 }, 'lease'],
    [{ entity: 'o', keep: 'long' }, 'keep'],
    [{ entity: 'o', failure: 'ask' }, 'failure'],
    [{ entity: 'o', concurrency: 0 }, 'concurrency'],
    [{ entity: 'o', ttl: '1d' }, 'ttl'],
  ])('refuses %j', async (options, named) => {
    await using coordination = createCoordination()
    expect(() => deduplication(coordination, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining(named) }),
    )
  })
})

function bound(records: ReturnType<typeof deduplication>): { readonly idOf: (record: unknown) => string } {
  return { idOf: (record) => records.idOf(record) }
}
