import { describe, expect, it } from 'vitest'

import type { Claim, ClaimedWork } from '../../../src/coordination/index.ts'
import { codeOf, primitiveWorld } from './world.ts'

/** The work that a claim must have given. */
function mine<R>(claim: Claim<R>): ClaimedWork<R> {
  if (claim.kind !== 'claimed') throw new Error(`It is ${claim.kind}.`)
  return claim
}

describe('claims', () => {
  it('give work to one, are busy for the others, and done with the result for all', async () => {
    await using world = primitiveWorld()
    const [one, other] = [
      world.coordination.claims<{ n: number }>('orders'),
      world.other.claims<{ n: number }>('orders'),
    ]
    const work = mine(await one.claim('o1'))
    expect(work.assumed).toBe(false)
    expect(await other.claim('o1')).toEqual({ kind: 'busy', leftMs: 60_000 })
    expect(await other.isDone('o1')).toBe(false)
    expect(await work.commit({ n: 5 })).toBe(true)
    expect(await other.claim('o1')).toEqual({ kind: 'done', result: { n: 5 } })
    expect(await other.isDone('o1')).toBe(true)
  })

  it('give an id to exactly one of many who claim it at once', async () => {
    await using world = primitiveWorld()
    const all = [world.coordination.claims('orders'), world.other.claims('orders')]
    const claims = await Promise.all(Array.from({ length: 50 }, (_, i) => all[i % 2]!.claim('o1')))
    expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1)
  })

  it('are free again when the lease ends without a commit', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims('orders', { lease: '10s' })
    mine(await claims.claim('o1'))
    await world.runtime.advance(9999)
    expect(await claims.claim('o1')).toEqual({ kind: 'busy', leftMs: 1 })
    await world.runtime.advance(1)
    mine(await claims.claim('o1'))
  })

  it('do not let one whose lease ended commit over the next one, abandon or extend its claim', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders', { lease: '10s' })
    const late = mine(await claims.claim('o1'))
    await world.runtime.advance(10_000)
    const next = mine(await claims.claim('o1'))
    expect(await late.extend()).toBe(false)
    expect(await late.abandon()).toBe(false)
    expect(await late.commit('late')).toBe(false)
    expect(await next.commit('next')).toBe(true)
    expect(await late.commit('late')).toBe(false)
    expect(await claims.claim('o1')).toEqual({ kind: 'done', result: 'next' })
  })

  it('take a late commit when nobody has come meanwhile: it is done all the same', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders', { lease: '10s' })
    const late = mine(await claims.claim('o1'))
    await world.runtime.advance(10_000)
    expect(await late.commit('late')).toBe(true)
    expect(await claims.claim('o1')).toEqual({ kind: 'done', result: 'late' })
  })

  it('begin the lease again when it is extended', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims('orders', { lease: '10s' })
    const work = mine(await claims.claim('o1'))
    await world.runtime.advance(9999)
    expect(await work.extend()).toBe(true)
    await world.runtime.advance(9999)
    expect(await claims.claim('o1')).toEqual({ kind: 'busy', leftMs: 1 })
  })

  it('are free at once when abandoned', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims('orders')
    const work = mine(await claims.claim('o1'))
    expect(await work.abandon()).toBe(true)
    expect(await work.abandon()).toBe(false)
    mine(await claims.claim('o1'))
  })

  it('remember each commit for its own time, and then give the work again', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims('orders', { keep: '1h' })
    await mine(await claims.claim('brief')).commit()
    await mine(await claims.claim('long', { keep: '2h' })).commit()
    await world.runtime.advance(3_600_000)
    expect([await claims.isDone('brief'), await claims.isDone('long')]).toEqual([false, true])
    mine(await claims.claim('brief'))
  })

  it('have a lease of their own where one is given', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims('orders')
    await claims.claim('o1', { lease: '5s' })
    expect(await claims.claim('o1')).toEqual({ kind: 'busy', leftMs: 5000 })
  })

  it('tell a result of undefined from null', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<null | undefined>('orders')
    await mine(await claims.claim('none')).commit()
    await mine(await claims.claim('null')).commit(null)
    expect(await claims.claim('none')).toEqual({ kind: 'done', result: undefined })
    expect(await claims.claim('null')).toEqual({ kind: 'done', result: null })
  })

  it('claim many in their order, each by itself', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims('orders')
    await mine(await claims.claim('b')).commit()
    const kinds = (await claims.claimMany(['a', 'b', 'c', 'a'])).map(({ kind }) => kind)
    expect(kinds).toEqual(['claimed', 'done', 'claimed', 'busy'])
    expect(await claims.claimMany([])).toEqual([])
  })

  it('forget a claim or a commit', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims('orders')
    await mine(await claims.claim('o1')).commit()
    expect(await claims.forget('o1')).toBe(true)
    expect(await claims.forget('o1')).toBe(false)
    mine(await claims.claim('o1'))
  })

  it('run work once, and answer what came of it ever after', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders')
    let runs = 0
    const run = (): Promise<unknown> => claims.run('o1', () => `run ${++runs}`)
    expect(await run()).toEqual({ kind: 'done', result: 'run 1', ran: true, committed: true })
    expect(await run()).toEqual({ kind: 'done', result: 'run 1', ran: false, committed: true })
  })

  it('keep the lease for as long as the work takes', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders', { lease: '3s' })
    const run = claims.run('o1', async () => {
      await world.runtime.advance(30_000)
      return (await world.other.claims<string>('orders').claim('o1')).kind
    })
    expect(await run).toEqual({ kind: 'done', result: 'busy', ran: true, committed: true })
    world.switched.asked.length = 0
    await world.runtime.advance(10_000)
    expect(world.switched.asked).toEqual([])
  })

  it('answer what the work came to when that cannot be kept, and say so', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders')
    const run = claims.run('o1', () => {
      world.switched.mood = 'fails'
      return 'sent'
    })
    expect(await run).toEqual({ kind: 'done', result: 'sent', ran: true, committed: false })
  })

  it('run nothing while somebody is at it', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders')
    await claims.claim('o1')
    expect(await claims.run('o1', () => 'mine')).toEqual({ kind: 'busy', leftMs: 60_000 })
  })

  it('free work that failed at once, and throw what it threw', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders')
    const failing = claims.run('o1', () => {
      throw new Error('mine')
    })
    await expect(failing).rejects.toThrow('mine')
    expect(await claims.run('o1', () => 'again')).toEqual({ kind: 'done', result: 'again', ran: true, committed: true })
  })

  it('throw what the work threw when the store cannot free it either', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders')
    const failing = claims.run('o1', () => {
      world.switched.mood = 'fails'
      throw new Error('mine')
    })
    await expect(failing).rejects.toThrow('mine')
  })

  it('refuse times and ids that are none, before the store is asked', async () => {
    await using world = primitiveWorld()
    expect(() => world.coordination.claims('orders', { lease: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION' }),
    )
    const claims = world.coordination.claims('orders')
    expect(await codeOf(claims.claim(''))).toBe('ERR_CACHE_KEY')
    expect(await codeOf(claims.claim('o1', { lease: -1 as never }))).toBe('ERR_CACHE_OPTION')
    expect(await codeOf(claims.claim('o1', { keep: 'soon' as never }))).toBe('ERR_CACHE_OPTION')
    expect(world.switched.asked).toEqual([])
  })

  it('throw with `closed` when the store cannot be asked, so no work is done', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims('orders')
    world.switched.mood = 'fails'
    let runs = 0
    expect(await codeOf(claims.run('o1', () => void runs++))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(claims.isDone('o1'))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(runs).toBe(0)
  })

  it('let everybody work with `open`, and say that it is assumed', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders', { failure: 'open' })
    world.switched.mood = 'fails'
    const work = mine(await claims.claim('o1'))
    expect(work.assumed).toBe(true)
    expect(mine(await claims.claim('o1')).assumed).toBe(true)
    expect(await claims.isDone('o1')).toBe(false)
    expect(await work.commit('lost')).toBe(false)
    expect(await work.abandon()).toBe(false)
    expect(await work.extend()).toBe(false)
  })

  it('commit what was assumed, once the store is back and nobody else was at it', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders', { failure: 'open' })
    world.switched.mood = 'fails'
    const [first, second] = [mine(await claims.claim('o1')), mine(await claims.claim('o1'))]
    world.switched.mood = 'answers'
    expect(await first.commit('first')).toBe(true)
    expect(await second.commit('second')).toBe(false)
    expect(await claims.claim('o1')).toEqual({ kind: 'done', result: 'first' })
  })

  it('give work to one of this process with `local`, and commit it where it was claimed', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders', { failure: 'local' })
    world.switched.mood = 'fails'
    const work = mine(await claims.claim('o1'))
    expect(work.assumed).toBe(true)
    expect((await claims.claim('o1')).kind).toBe('busy')
    world.switched.mood = 'answers'
    expect(await work.commit('here')).toBe(true)
    world.switched.mood = 'fails'
    expect(await claims.claim('o1')).toEqual({ kind: 'done', result: 'here' })
  })

  it('do not commit in this process what the store had granted', async () => {
    await using world = primitiveWorld()
    const claims = world.coordination.claims<string>('orders', { failure: 'local' })
    const work = mine(await claims.claim('o1'))
    world.switched.mood = 'fails'
    expect(await codeOf(work.commit('lost'))).toBe('ERR_CACHE_UNAVAILABLE')
    world.switched.mood = 'answers'
    expect(await work.commit('kept')).toBe(true)
  })
})
