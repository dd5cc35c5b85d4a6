import { describe, expect, it } from 'vitest'

import { codeOf, primitiveWorld } from './world.ts'

describe('memberSet', () => {
  it('says whether a member is new, and has it from then on', async () => {
    await using world = primitiveWorld()
    const set = world.coordination.memberSet('seen')
    expect(await set.add('orders', 'a')).toBe(true)
    expect(await set.add('orders', 'a')).toBe(false)
    expect(await set.has('orders', 'a')).toBe(true)
    expect(await set.has('orders', 'b')).toBe(false)
    expect(await set.has('others', 'a')).toBe(false)
  })

  it('answers batches in their order, in one step', async () => {
    await using world = primitiveWorld()
    const set = world.coordination.memberSet('seen')
    expect(await set.addMany('orders', ['a', 'b', 'a'])).toEqual([true, true, false])
    expect(await set.hasMany('orders', ['c', 'a'])).toEqual([false, true])
    expect(await set.removeMany('orders', ['c', 'a', 'a'])).toEqual([false, true, false])
    expect(world.switched.asked).toEqual(['enter', 'contains', 'leave'])
  })

  it('asks nothing for an empty batch', async () => {
    await using world = primitiveWorld()
    const set = world.coordination.memberSet('seen')
    expect([await set.addMany('o', []), await set.hasMany('o', []), await set.removeMany('o', [])]).toEqual([
      [],
      [],
      [],
    ])
    expect(world.switched.asked).toEqual([])
  })

  it('ends members one by one, and gives one that comes again a new life', async () => {
    await using world = primitiveWorld()
    const set = world.coordination.memberSet('seen', { ttl: '1m' })
    await set.add('orders', 'first')
    await set.add('orders', 'long', { ttl: '2m' })
    await world.runtime.advance(59_999)
    await set.add('orders', 'second')
    expect(await set.add('orders', 'first')).toBe(false)
    await world.runtime.advance(1)
    expect(await set.count('orders')).toBe(3)
    await world.runtime.advance(59_999)
    expect(await set.members('orders')).toEqual(['long'])
    await world.runtime.advance(1)
    expect(await set.add('orders', 'long')).toBe(true)
  })

  it('does not let a member that comes again lengthen the life of the others', async () => {
    await using world = primitiveWorld()
    const set = world.coordination.memberSet('seen', { ttl: '1m' })
    await set.add('orders', 'old')
    await world.runtime.advance(30_000)
    await set.add('orders', 'young')
    await world.runtime.advance(30_000)
    expect(await set.members('orders')).toEqual(['young'])
  })

  it('counts, lists, removes and clears', async () => {
    await using world = primitiveWorld()
    const set = world.coordination.memberSet('seen')
    await set.addMany('orders', ['b', 'a'])
    expect(await set.count('orders')).toBe(2)
    expect((await set.members('orders')).toSorted()).toEqual(['a', 'b'])
    expect(await set.remove('orders', 'a')).toBe(true)
    expect(await set.remove('orders', 'a')).toBe(false)
    expect(await set.clear('orders')).toBe(true)
    expect(await set.clear('orders')).toBe(false)
    expect(await set.count('orders')).toBe(0)
  })

  it('lets each member be new once, of many who add it at once', async () => {
    await using world = primitiveWorld()
    const sets = [world.coordination.memberSet('seen'), world.other.memberSet('seen')]
    const added = await Promise.all(Array.from({ length: 40 }, (_, i) => sets[i % 2]!.add('o', `m${i % 10}`)))
    expect(added.filter(Boolean)).toHaveLength(10)
  })

  it('refuses ids and lives that are none', async () => {
    await using world = primitiveWorld()
    const set = world.coordination.memberSet('seen')
    expect(await codeOf(set.add('', 'a'))).toBe('ERR_CACHE_KEY')
    expect(await codeOf(set.add('o', 'a', { ttl: -1 as never }))).toBe('ERR_CACHE_OPTION')
    expect(world.switched.asked).toEqual([])
  })

  it('throws with `closed` when the store cannot be asked', async () => {
    await using world = primitiveWorld()
    world.switched.mood = 'fails'
    const set = world.coordination.memberSet('seen')
    for (const work of [set.add('o', 'a'), set.has('o', 'a'), set.remove('o', 'a'), set.count('o'), set.members('o')])
      expect(await codeOf(work)).toBe('ERR_CACHE_UNAVAILABLE')
  })

  it('takes each member for new with `open`, and none for there; what it cannot assume throws', async () => {
    await using world = primitiveWorld()
    const set = world.coordination.memberSet('seen', { failure: 'open' })
    world.switched.mood = 'fails'
    expect(await set.addMany('o', ['a', 'b'])).toEqual([true, true])
    expect(await set.hasMany('o', ['a', 'b'])).toEqual([false, false])
    expect(await codeOf(set.count('o'))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(set.members('o'))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(set.remove('o', 'a'))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(set.clear('o'))).toBe('ERR_CACHE_UNAVAILABLE')
  })

  it('keeps members in this process with `local`', async () => {
    await using world = primitiveWorld()
    const set = world.coordination.memberSet('seen', { failure: 'local', ttl: '1m' })
    world.switched.mood = 'fails'
    expect([await set.add('o', 'a'), await set.add('o', 'a')]).toEqual([true, false])
    await world.runtime.advance(60_000)
    expect(await set.count('o')).toBe(0)
  })
})
