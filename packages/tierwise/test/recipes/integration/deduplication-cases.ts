import { describe, expect, it } from 'vitest'

import { deduplication } from '../../../src/recipes/deduplication.ts'
import type { RecipeWorld, RecipeWorlds } from './worlds.ts'

const entity = 'orders'

/** A promise that is resolved from outside. */
function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}

const both = (world: RecipeWorld, options: { lease?: number; keep?: number } = {}) =>
  [world.one, world.other].map((coordination) =>
    deduplication(coordination, { entity, runtime: world.runtime, ...options }),
  ) as [ReturnType<typeof deduplication>, ReturnType<typeof deduplication>]

export function deduplicationCases(worlds: RecipeWorlds): void {
  describe(`deduplication ${worlds.name}`, () => {
    it('does the work of an id once, of many who want to at once and ever after', async () => {
      await using world = await worlds.create()
      const sides = both(world)
      let runs = 0
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => sides[i % 2 === 0 ? 0 : 1].processOnce('o1', () => ++runs)),
      )
      expect(runs).toBe(1)
      expect(outcomes.filter(({ kind }) => kind === 'processed')).toEqual([
        { kind: 'processed', result: 1, committed: true, assumed: false },
      ])
      expect(await sides[1].processOnce('o1', () => ++runs)).toEqual({ kind: 'duplicate' })
      expect(await sides[1].isDuplicate('o1')).toBe(true)
      expect(await sides[1].isDuplicate('o2')).toBe(false)
    })

    it('keeps ids of different entities apart', async () => {
      await using world = await worlds.create()
      const invoices = deduplication(world.one, { entity: 'invoices' })
      await both(world)[0].processOnce('o1', () => 1)
      expect(await invoices.isDuplicate('o1')).toBe(false)
      expect((await invoices.processOnce('o1', () => 1)).kind).toBe('processed')
    })

    it('frees an id whose work failed at once, and throws what it threw', async () => {
      await using world = await worlds.create()
      const [one, other] = both(world)
      const failing = one.processOnce('o1', () => {
        throw new Error('mine')
      })
      await expect(failing).rejects.toThrow('mine')
      expect((await other.processOnce('o1', () => 1)).kind).toBe('processed')
    })

    it('keeps an id for as long as the work runs, however short the lease is', async () => {
      await using world = await worlds.create()
      const [one, other] = both(world, { lease: 400 })
      const end = gate()
      const working = one.processOnce('o1', () => end.passed)
      await world.advance(1300)
      expect((await other.processOnce('o1', () => 1)).kind).toBe('busy')
      end.open()
      expect(await working).toMatchObject({ kind: 'processed', committed: true })
    })

    it('lets somebody else take over when the lease ends, and commits one of them', async () => {
      await using world = await worlds.create()
      const [one, other] = both(world, { lease: 400 })
      const end = gate()
      const signals: AbortSignal[] = []
      const late = one.processOnce('o1', ({ signal }) => (signals.push(signal), end.passed))
      await world.advance(50)
      world.switched.mood = 'fails'
      await world.advance(600)
      expect(signals.map(({ aborted }) => aborted)).toEqual([true])
      expect(await other.processOnce('o1', () => 'theirs')).toMatchObject({ kind: 'processed', committed: true })
      world.switched.mood = 'answers'
      await world.advance(1000)
      end.open()
      expect(await late).toMatchObject({ kind: 'processed', committed: false })
      expect(await other.count()).toBe(1)
    })

    it('answers work that was done and could not be remembered, which is then done again', async () => {
      await using world = await worlds.create()
      const [one, other] = both(world, { lease: 400 })
      const outcome = await one.processOnce('o1', () => {
        world.switched.mood = 'fails'
        return 'done'
      })
      expect(outcome).toEqual({ kind: 'processed', result: 'done', committed: false, assumed: false })
      expect((await other.processOnce('o1', () => 1)).kind).toBe('busy')
      await world.advance(450)
      expect(await other.processOnce('o1', () => 'again')).toMatchObject({ result: 'again', committed: true })
    })

    it('remembers each id for its own time', async () => {
      await using world = await worlds.create()
      const [one, other] = both(world, { keep: 600 })
      await one.processOnce('old', () => 1)
      await world.advance(400)
      await other.processOnce('young', () => 1)
      expect(await one.count()).toBe(2)
      await world.advance(300)
      expect([await one.isDuplicate('old'), await one.isDuplicate('young'), await one.count()]).toEqual([
        false,
        true,
        1,
      ])
    })

    it('forgets an id, so that it is done again', async () => {
      await using world = await worlds.create()
      const [one, other] = both(world)
      await one.processOnce('o1', () => 1)
      expect([await other.forget('o1'), await other.forget('o1')]).toEqual([true, false])
      expect(await one.count()).toBe(0)
      expect((await one.processOnce('o1', () => 2)).kind).toBe('processed')
    })

    it('does each record of a batch once and says what came of it, in the order of the records', async () => {
      await using world = await worlds.create()
      const [one, other] = both(world)
      await other.processOnce('done', () => 1)
      await other.claim('busy')
      const outcome = await one.processBatch(['a', 'done', 'busy', 'b', 'bad', 'a'], (record) => {
        if (record === 'bad') throw new Error('mine')
        return `saved ${String(record)}`
      })
      expect(outcome.processed).toEqual([
        { record: 'a', id: 'a', result: 'saved a', committed: true },
        { record: 'b', id: 'b', result: 'saved b', committed: true },
      ])
      expect(outcome.duplicates.map(({ id }) => id)).toEqual(['done', 'a'])
      expect(outcome.busy).toEqual([{ record: 'busy', id: 'busy', leftMs: expect.any(Number) }])
      expect(outcome.failed).toEqual([{ record: 'bad', id: 'bad', error: new Error('mine') }])
      expect((await other.processOnce('bad', () => 1)).kind).toBe('processed')
    })

    it('does each record once of batches that several processes have at once', async () => {
      await using world = await worlds.create()
      const sides = both(world)
      const records = Array.from({ length: 60 }, (_, n) => ({ number: n % 40 }))
      const runs = new Map<number, number>()
      const work = (record: unknown): void => {
        const { number } = record as { number: number }
        runs.set(number, (runs.get(number) ?? 0) + 1)
      }
      const outcomes = await Promise.all(sides.map((side) => side.processBatch(records, work)))
      expect([...runs.values()]).toEqual(Array.from({ length: 40 }, () => 1))
      expect(outcomes.flatMap(({ processed }) => processed)).toHaveLength(40)
      expect(await sides[0].count()).toBe(40)
    })

    it('lets a claim be committed by hand', async () => {
      await using world = await worlds.create()
      const [one, other] = both(world)
      const claim = await one.claim('o1')
      expect((await other.claim('o1')).kind).toBe('busy')
      if (claim.kind === 'claimed') expect([await claim.extend(), await claim.commit()]).toEqual([true, true])
      expect(await other.claim('o1')).toEqual({ kind: 'done', result: undefined })
      expect(await other.count()).toBe(1)
    })

    it('does what the caller chose when the store cannot be asked', async () => {
      await using world = await worlds.create()
      const of = (failure: 'closed' | 'open' | 'local') => deduplication(world.one, { entity, failure, name: failure })
      world.switched.mood = 'fails'
      let runs = 0
      await expect(of('closed').processOnce('o1', () => ++runs)).rejects.toMatchObject({
        code: 'ERR_CACHE_UNAVAILABLE',
      })
      expect(runs).toBe(0)
      const assumed = { kind: 'processed', committed: false, assumed: true }
      expect(await of('open').processOnce('o1', () => ++runs)).toMatchObject(assumed)
      expect(await of('open').processOnce('o1', () => ++runs)).toMatchObject(assumed)
      const local = of('local')
      expect(await local.processOnce('o1', () => ++runs)).toMatchObject({ ...assumed, committed: true })
      expect(await local.processOnce('o1', () => ++runs)).toEqual({ kind: 'duplicate' })
      const { failed } = await of('closed').processBatch(['o1', 'o2'], () => ++runs)
      expect(failed.map(({ error }) => error)).toEqual([
        expect.objectContaining({ code: 'ERR_CACHE_UNAVAILABLE' }),
        expect.objectContaining({ code: 'ERR_CACHE_UNAVAILABLE' }),
      ])
    })
  })
}
