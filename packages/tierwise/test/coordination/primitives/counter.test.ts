import { describe, expect, it } from 'vitest'

import { codeOf, primitiveWorld } from './world.ts'

describe('counter', () => {
  it('adds one, or what it is told, and answers the sum', async () => {
    await using world = primitiveWorld()
    const counter = world.coordination.counter('visits')
    expect(await counter.increment('home')).toBe(1)
    expect(await counter.increment('home', 41)).toBe(42)
    expect(await counter.increment('home', -2)).toBe(40)
    expect(await counter.get('home')).toBe(40)
  })

  it('has a sum of 0 for an id that nobody has added to', async () => {
    await using world = primitiveWorld()
    const counter = world.coordination.counter('visits')
    expect(await counter.get('home')).toBe(0)
    expect(await counter.endsIn('home')).toBeUndefined()
    expect(await counter.getAndReset('home')).toBe(0)
  })

  it('counts what many add at once, from everywhere', async () => {
    await using world = primitiveWorld()
    const [one, other] = [world.coordination.counter('visits'), world.other.counter('visits')]
    await Promise.all(Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? one : other).increment('home')))
    expect(await other.get('home')).toBe(500)
  })

  it('keeps names and ids apart', async () => {
    await using world = primitiveWorld()
    await world.coordination.counter('a').increment('b:c')
    expect(await world.coordination.counter('a').get('b')).toBe(0)
    expect(await world.coordination.counter('a.b').get('c')).toBe(0)
    expect(await world.coordination.counter('a').get('b:c')).toBe(1)
  })

  it('ends a sum after its window, which the first of a stretch begins', async () => {
    await using world = primitiveWorld()
    const counter = world.coordination.counter('logins', { window: '1m' })
    await counter.increment('ada')
    await world.runtime.advance(59_999)
    expect(await counter.increment('ada')).toBe(2)
    expect(await counter.endsIn('ada')).toBe(1)
    await world.runtime.advance(1)
    expect(await counter.get('ada')).toBe(0)
    expect(await counter.increment('ada')).toBe(1)
    expect(await counter.endsIn('ada')).toBe(60_000)
  })

  it('never ends without a window', async () => {
    await using world = primitiveWorld()
    const counter = world.coordination.counter('visits')
    await counter.increment('home')
    await world.runtime.advance(1e12)
    expect(await counter.endsIn('home')).toBe(Infinity)
    expect(await counter.get('home')).toBe(1)
  })

  it('hands out each increment once, however often the sum is taken', async () => {
    await using world = primitiveWorld()
    const counter = world.coordination.counter('visits')
    const taken: Promise<number>[] = []
    const added: Promise<number>[] = []
    for (let i = 0; i < 200; i++) {
      added.push(counter.increment('home'))
      if (i % 7 === 0) taken.push(counter.getAndReset('home'))
    }
    await Promise.all(added)
    const sums = await Promise.all([...taken, counter.getAndReset('home')])
    expect(sums.reduce((sum, part) => sum + part, 0)).toBe(200)
  })

  it.each([0.5, Number.NaN, Infinity, 2 ** 53])('refuses to add %s', async (by) => {
    await using world = primitiveWorld()
    await expect(world.coordination.counter('visits').increment('home', by)).rejects.toThrow(RangeError)
    expect(world.switched.asked).toEqual([])
  })

  it('refuses a sum that is not exact any more, and keeps the one before', async () => {
    await using world = primitiveWorld()
    const counter = world.coordination.counter('visits')
    await counter.increment('home', Number.MAX_SAFE_INTEGER)
    expect(await codeOf(counter.increment('home'))).toBe('ERR_CACHE_TIER_WRITE')
    expect(await counter.get('home')).toBe(Number.MAX_SAFE_INTEGER)
  })

  it.each([
    ['', 'id'],
    ['x'.repeat(5000), 'a long id'],
    ['\ud800', 'half a surrogate pair'],
  ])('refuses as an id %#: %s', async (id) => {
    await using world = primitiveWorld()
    const counter = world.coordination.counter('visits')
    for (const work of [counter.increment(id), counter.get(id), counter.getAndReset(id), counter.endsIn(id)])
      expect(await codeOf(work)).toBe('ERR_CACHE_KEY')
    expect(world.switched.asked).toEqual([])
  })

  it.each([
    ['a:b', {}],
    ['', {}],
    ['ok', { window: 0 }],
    ['ok', { window: 'soon' }],
    ['ok', { failure: 'open' }],
    ['ok', { ttl: '1m' }],
  ])('refuses to be made with %s, %j', async (name, options) => {
    await using world = primitiveWorld()
    expect(() => world.coordination.counter(name, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION' }),
    )
  })

  it('throws when the store cannot be asked, also where all else is open', async () => {
    await using world = primitiveWorld({ failure: 'open' })
    world.switched.mood = 'fails'
    expect(await codeOf(world.coordination.counter('visits').increment('home'))).toBe('ERR_CACHE_UNAVAILABLE')
  })

  it('counts in this process with `local`, apart from the store', async () => {
    await using world = primitiveWorld()
    const counter = world.coordination.counter('visits', { failure: 'local', window: '1m' })
    await counter.increment('home', 10)
    world.switched.mood = 'fails'
    expect(await counter.increment('home')).toBe(1)
    expect(await counter.increment('home')).toBe(2)
    expect(await counter.get('home')).toBe(2)
    await world.runtime.advance(60_000)
    expect(await counter.get('home')).toBe(0)
  })
})
