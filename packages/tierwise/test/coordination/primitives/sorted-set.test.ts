import { describe, expect, it } from 'vitest'

import { codeOf, primitiveWorld } from './world.ts'

const names = (found: readonly { readonly member: string }[]): string => found.map(({ member }) => member).join('')

describe('sortedSet', () => {
  it('lists lowest first, highest first with `reverse`, of equal scores by name', async () => {
    await using world = primitiveWorld()
    const list = world.coordination.sortedSet('ranking')
    await list.addMany('r', [
      { member: 'c', score: 1 },
      { member: 'b', score: -2.5 },
      { member: 'a', score: 1 },
    ])
    expect(await list.range('r')).toEqual([
      { member: 'b', score: -2.5 },
      { member: 'a', score: 1 },
      { member: 'c', score: 1 },
    ])
    expect(names(await list.range('r', { reverse: true }))).toBe('cab')
  })

  it('takes both ends of a range, and as many as are asked for', async () => {
    await using world = primitiveWorld()
    const list = world.coordination.sortedSet('ranking')
    await list.addMany(
      'r',
      Array.from('abcde').map((member, score) => ({ member, score })),
    )
    expect(names(await list.range('r', { min: 1, max: 3 }))).toBe('bcd')
    expect(names(await list.range('r', { min: 1, limit: 2 }))).toBe('bc')
    expect(names(await list.range('r', { max: 3, limit: 2, reverse: true }))).toBe('dc')
    expect(await list.range('r', { min: 10 })).toEqual([])
    expect(await list.range('none')).toEqual([])
  })

  it('moves a member that is put in again', async () => {
    await using world = primitiveWorld()
    const list = world.coordination.sortedSet('ranking')
    await list.add('r', 'a', 1)
    await list.add('r', 'b', 2)
    await list.add('r', 'a', 3)
    expect(names(await list.range('r'))).toBe('ba')
  })

  it('keeps the highest ones only, whatever order they come in', async () => {
    await using world = primitiveWorld()
    const list = world.coordination.sortedSet('history', { keep: 3 })
    for (const score of [5, 1, 4, 2, 3]) await list.add('h', String(score), score)
    expect(names(await list.range('h'))).toBe('345')
    await list.addMany('h', [
      { member: '0', score: 0 },
      { member: '6', score: 6 },
    ])
    expect(names(await list.range('h'))).toBe('456')
  })

  it('removes members, or all between two scores, and says how many there were', async () => {
    await using world = primitiveWorld()
    const list = world.coordination.sortedSet('ranking')
    await list.addMany(
      'r',
      Array.from('abcde').map((member, score) => ({ member, score })),
    )
    expect(await list.remove('r', ['a', 'x'])).toBe(1)
    expect(await list.removeRange('r', { min: 2, max: 3 })).toBe(2)
    expect(names(await list.range('r'))).toBe('be')
    expect(await list.clear('r')).toBe(true)
    expect(await list.clear('r')).toBe(false)
  })

  it('asks nothing for an empty batch', async () => {
    await using world = primitiveWorld()
    const list = world.coordination.sortedSet('ranking')
    await list.addMany('r', [])
    expect(await list.remove('r', [])).toBe(0)
    expect(world.switched.asked).toEqual([])
  })

  it('ends as a whole, after its life since the last addition', async () => {
    await using world = primitiveWorld()
    const list = world.coordination.sortedSet('ranking', { ttl: '1m' })
    await list.add('r', 'a', 1)
    await world.runtime.advance(59_999)
    await list.add('r', 'b', 2)
    await world.runtime.advance(59_999)
    expect(names(await list.range('r'))).toBe('ab')
    await world.runtime.advance(1)
    expect(await list.range('r')).toEqual([])
  })

  it.each([Number.NaN, Infinity, -Infinity])('refuses a score of %s, and the batch that it is in', async (score) => {
    await using world = primitiveWorld()
    const list = world.coordination.sortedSet('ranking')
    const batch = [
      { member: 'a', score: 1 },
      { member: 'b', score },
    ]
    await expect(list.addMany('r', batch)).rejects.toThrow(RangeError)
    expect(world.switched.asked).toEqual([])
  })

  it('refuses to keep none, and ids that are none', async () => {
    await using world = primitiveWorld()
    expect(() => world.coordination.sortedSet('ranking', { keep: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION' }),
    )
    expect(await codeOf(world.coordination.sortedSet('ranking').add('', 'a', 1))).toBe('ERR_CACHE_KEY')
  })

  it('throws with `closed`, lists nothing with `open` and cannot add there, and is kept here with `local`', async () => {
    await using world = primitiveWorld()
    world.switched.mood = 'fails'
    const [closed, open, local] = (['closed', 'open', 'local'] as const).map((failure) =>
      world.coordination.sortedSet(failure, { failure }),
    )
    expect(await codeOf(closed!.range('r'))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await open!.range('r')).toEqual([])
    expect(await codeOf(open!.add('r', 'a', 1))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(open!.remove('r', ['a']))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(open!.removeRange('r', { min: 1 }))).toBe('ERR_CACHE_UNAVAILABLE')
    await local!.add('r', 'a', 1)
    expect(names(await local!.range('r'))).toBe('a')
  })
})
