import { describe, expect, it } from 'vitest'

import { deduplication } from '../../../src/recipes/deduplication.ts'
import { deltaSync, type DeltaSync, type DeltaSyncOptions, type SyncContext } from '../../../src/recipes/delta-sync.ts'
import { ChangeSource, markOf, type Change } from './change-source.ts'
import type { RecipeWorld, RecipeWorlds } from './worlds.ts'

const dayMs = 86_400_000
const start = Date.UTC(2026, 5, 1)
const target = { module: 'MM', entity: 'purchase_order' }

/** Two processes whose wall clock stands at the start, and the records that arrived. */
function sides(world: RecipeWorld, options: DeltaSyncOptions = {}): [DeltaSync, DeltaSync] {
  const all = { overlap: false, now: () => start, allowVolatile: true, ...options } as const
  return [deltaSync(world.one, all), deltaSync(world.other, all)]
}

const idsOf = (records: readonly Change[]): string => records.map(({ id }) => id).join('')

export function deltaSyncCases(worlds: RecipeWorlds): void {
  describe(`deltaSync ${worlds.name}`, () => {
    it('reads a year back at first, then from where it has come, in the order of the changes', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      const source = new ChangeSource()
        .change('c', start - 3)
        .change('a', start - 5)
        .change('b', start - 4)
      const batches: string[] = []
      const run = {
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        process: (records: readonly Change[]) => void batches.push(idsOf(records)),
      }
      expect(await one.run(run)).toEqual({
        ok: true,
        since: start - 365 * dayMs,
        batches: 2,
        records: 3,
        failedBatches: 0,
        watermark: start - 3,
      })
      source.change('d', start - 1)
      expect(await other.run(run)).toMatchObject({ ok: true, watermark: start - 1 })
      expect(batches).toEqual(['ab', 'c', 'cd'])
      expect(source.asked).toEqual([start - 365 * dayMs, start - 3])
    })

    it('keeps the watermark where it is when nothing has changed', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world, { lookBack: '1d' })
      const source = new ChangeSource()
      const run = { ...target, fetchSince: source.fetchSince, markOf, process: () => {} }
      expect(await one.run(run)).toMatchObject({ ok: true, batches: 1, records: 0, watermark: undefined })
      source.change('a', start - 5)
      await one.run(run)
      await world.advance(worlds.name.includes('Redis') ? 50 : 60_000)
      expect(await other.status(target)).toMatchObject({ watermark: start - 5, lastRun: { state: 'done', records: 1 } })
      expect(await other.status({ entity: 'purchase_order' })).toEqual({ watermark: undefined, lastRun: undefined })
    })

    it.each([1, 2, 3, 4])('does not move past batch %i when it fails, and begins there again', async (bad) => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      const source = new ChangeSource(1)
      for (const n of [1, 2, 3, 4]) source.change(`r${n}`, start - 10 + n)
      const seen: string[] = []
      let isBroken = true
      const process = (records: readonly Change[], { batch }: SyncContext): void => {
        if (isBroken && batch === bad) throw new Error('mine')
        seen.push(idsOf(records))
      }
      const first = await one.run({ ...target, fetchSince: source.fetchSince, markOf, process })
      expect(first).toMatchObject({ ok: false, reason: 'failed', failures: [{ batch: bad, stage: 'process' }] })
      expect(seen).toEqual(['r1', 'r2', 'r3', 'r4'].slice(0, bad - 1))
      expect((await other.status(target)).watermark).toBe(bad === 1 ? undefined : start - 10 + bad - 1)
      isBroken = false
      seen.length = 0
      expect(await other.run({ ...target, fetchSince: source.fetchSince, markOf, process })).toMatchObject({
        ok: true,
        watermark: start - 6,
      })
      // The last one that was done is read again: others may have the same time.
      expect(seen).toEqual(['r1', 'r2', 'r3', 'r4'].slice(Math.max(0, bad - 2)))
    })

    it('processes the batches after one that failed with `continue`, and stays before it all the same', async () => {
      await using world = await worlds.create()
      const [one] = sides(world, { onFailure: 'continue' })
      const source = new ChangeSource(1)
      for (const n of [1, 2, 3, 4]) source.change(`r${n}`, start - 10 + n)
      const seen: string[] = []
      const outcome = await one.run({
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        process: (records, { batch }) => {
          if (batch === 2) throw new Error('mine')
          seen.push(idsOf(records))
        },
      })
      expect(outcome).toMatchObject({ ok: false, reason: 'failed', batches: 4, failedBatches: 1, watermark: start - 9 })
      expect(seen).toEqual(['r1', 'r3', 'r4'])
      expect((await one.status(target)).lastRun).toMatchObject({ state: 'failed', failedBatches: 1, batches: 4 })
    })

    it('takes a batch for failed whose records are not all done, as a deduplication says it', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      const orders = deduplication<Change>(world.one, { entity: 'orders', id: ({ id }) => id })
      const source = new ChangeSource(3)
        .change('a', start - 3)
        .change('b', start - 2)
        .change('c', start - 1)
      const saved: string[] = []
      let isBroken = true
      const save = ({ id }: Change): void => {
        if (isBroken && id === 'b') throw new Error('mine')
        saved.push(id)
      }
      const run = {
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        process: (records: readonly Change[]) => orders.processBatch(records, save),
      }
      expect(await one.run(run)).toMatchObject({ ok: false, reason: 'failed', watermark: undefined })
      isBroken = false
      const atWork = await deduplication<Change>(world.other, { entity: 'orders', id: ({ id }) => id }).claim('b')
      expect(await one.run(run)).toMatchObject({ ok: false, reason: 'failed', watermark: undefined })
      if (atWork.kind === 'claimed') await atWork.abandon()
      expect(await other.run(run)).toMatchObject({ ok: true, watermark: start - 1 })
      expect(saved).toEqual(['a', 'c', 'b'])
    })

    it('finds what became visible late within the overlap, once together with a deduplication', async () => {
      await using world = await worlds.create()
      const [one] = sides(world, { overlap: '1m' })
      const orders = deduplication<Change>(world.one, { entity: 'orders', id: ({ id }) => id })
      const source = new ChangeSource().change('a', start - 90_000).change('b', start - 30_000)
      const saved: string[] = []
      const save = ({ id }: Change): void => void saved.push(id)
      const run = {
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        process: (records: readonly Change[]) => orders.processBatch(records, save),
      }
      await one.run(run)
      source.change('late', start - 80_000).change('c', start - 1000)
      await one.run(run)
      expect(saved).toEqual(['a', 'b', 'late', 'c'])
      expect(source.asked.at(-1)).toBe(start - 90_000)
    })

    it('does not let a change that is dated far ahead hide what comes until then', async () => {
      await using world = await worlds.create()
      let now = start
      const [one] = sides(world, { clockTolerance: '5m', now: () => now })
      const source = new ChangeSource(10).change('a', start - 900_000).change('wrong', start + 50 * dayMs)
      const seen: string[] = []
      const run = {
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        process: (records: readonly Change[]) => void seen.push(idsOf(records)),
      }
      expect(await one.run(run)).toMatchObject({ ok: true, watermark: start - 300_000 })
      source.change('b', start - 200_000).change('c', start + 1000)
      now = start + 2000
      await one.run(run)
      expect(seen).toEqual(['awrong', 'bcwrong'])
    })

    it('believes a source whose clock is ahead a little, or behind', async () => {
      await using world = await worlds.create()
      const [one] = sides(world)
      const source = new ChangeSource().change('a', start - dayMs).change('b', start + 299_000)
      const run = { ...target, fetchSince: source.fetchSince, markOf, process: () => {} }
      expect(await one.run(run)).toMatchObject({ ok: true, watermark: start + 299_000 })
      const behind = new ChangeSource().change('a', start - 7 * dayMs)
      expect(await one.run({ ...run, fetchSince: behind.fetchSince, entity: 'stock' })).toMatchObject({
        watermark: start - 7 * dayMs,
      })
    })

    it('lets one process at a time synchronise an entity, and others other entities', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      const source = new ChangeSource().change('a', start - 5)
      let running = 0
      const outcome = await one.run({
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        process: async () => {
          running++
          const run = { ...target, fetchSince: source.fetchSince, markOf, process: () => void running++ }
          expect(await other.run(run)).toEqual({ ok: false, reason: 'busy' })
          expect(await other.run({ ...run, entity: 'stock' })).toMatchObject({ ok: true })
        },
      })
      expect(outcome.ok).toBe(true)
      expect(running).toBe(2)
      expect((await other.run({ ...target, fetchSince: source.fetchSince, markOf, process: () => {} })).ok).toBe(true)
    })

    it('gives each run a larger fence, and does not move the watermark once its lock is lost', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world, { lockTtl: 300 })
      const source = new ChangeSource(1).change('a', start - 5).change('b', start - 4)
      const fences: number[] = []
      const outcome = await one.run({
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        process: async (_, { fence, signal, batch }) => {
          fences.push(fence)
          expect(batch).toBe(1)
          world.switched.mood = 'fails'
          await world.advance(600)
          expect(signal.aborted).toBe(true)
          const second = {
            ...target,
            fetchSince: source.fetchSince,
            markOf,
            process: (__: unknown, context: SyncContext) => void fences.push(context.fence),
          }
          expect(await other.run(second)).toMatchObject({ ok: true, watermark: start - 4 })
          world.switched.mood = 'answers'
        },
      })
      expect(outcome).toMatchObject({ ok: false, reason: 'lock-lost', watermark: undefined, batches: 1 })
      expect(fences[1]).toBeGreaterThan(fences[0] ?? Infinity)
    })

    it('does not move back, and begins again where a reset says, whoever is in the middle of a run', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      const source = new ChangeSource(1).change('a', start - 5).change('b', start - 4)
      const run = { ...target, fetchSince: source.fetchSince, markOf, process: () => {} }
      await one.run(run)
      expect(
        await one.run({ ...run, fetchSince: () => ({ records: [{ id: 'old', at: start - dayMs }] }) }),
      ).toMatchObject({ ok: true, watermark: start - 4 })
      await one.run({ ...run, process: () => other.reset(target, start - 7) })
      expect((await other.status(target)).watermark).toBe(start - 7)
      await one.run(run)
      expect(source.asked.at(-1)).toBe(start - 7)
      await other.reset(target)
      expect((await one.status(target)).watermark).toBeUndefined()
    })

    it('ends when it is told to, and keeps what was done until then', async () => {
      await using world = await worlds.create()
      const [one] = sides(world)
      const source = new ChangeSource(1)
        .change('a', start - 5)
        .change('b', start - 4)
        .change('c', start - 3)
      const caller = new AbortController()
      const outcome = await one.run({
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        signal: caller.signal,
        process: (_, { batch }) => {
          if (batch === 2) caller.abort()
        },
      })
      expect(outcome).toMatchObject({ ok: false, reason: 'aborted', batches: 2, watermark: start - 5 })
    })

    it('tells how far it has come after each batch', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      const source = new ChangeSource()
        .change('a', start - 5)
        .change('b', start - 4)
        .change('c', start - 3)
      const told: unknown[] = []
      const states: unknown[] = []
      await one.run({
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        process: async () => void states.push((await other.status(target)).lastRun?.state),
        onProgress: (progress) => {
          told.push([progress.batches, progress.records, progress.watermark])
          throw new Error('theirs')
        },
      })
      expect(told).toEqual([
        [1, 2, start - 4],
        [2, 3, start - 3],
      ])
      expect(states).toEqual(['running', 'running'])
    })

    it('says so when the store cannot be asked, before it fetches anything or after a batch', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      const source = new ChangeSource(1).change('a', start - 5).change('b', start - 4)
      world.switched.mood = 'fails'
      expect(await one.run({ ...target, fetchSince: source.fetchSince, markOf, process: () => {} })).toMatchObject({
        ok: false,
        reason: 'unavailable',
        batches: 0,
      })
      expect(source.asked).toEqual([])
      world.switched.mood = 'answers'
      const outcome = await one.run({
        ...target,
        fetchSince: source.fetchSince,
        markOf,
        process: () => void (world.switched.mood = 'fails'),
      })
      expect(outcome).toMatchObject({ ok: false, reason: 'unavailable', batches: 1, watermark: undefined })
      world.switched.mood = 'answers'
      expect((await other.status(target)).watermark).toBeUndefined()
    })
  })
}
