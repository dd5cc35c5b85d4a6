import { describe, expect, it } from 'vitest'

import { codeOf, primitiveWorld } from './world.ts'

describe('register', () => {
  it('keeps one value for each id, of any kind that has content', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register('settings')
    const values = [
      null,
      0,
      '',
      false,
      -0,
      10n,
      new Date(0),
      new Map([['a', new Set([1])]]),
      [undefined],
      { a: { b: 1 } },
    ]
    for (const [index, value] of values.entries()) {
      await register.set(String(index), value)
      expect(await register.get(String(index))).toEqual(value)
    }
    expect(await register.get('other')).toBeUndefined()
  })

  it('lets the first one in only', async () => {
    await using world = primitiveWorld()
    const nonces = world.coordination.register<string>('nonces')
    const firsts = await Promise.all(['a', 'b', 'c'].map((value) => nonces.setIfAbsent('n', value)))
    expect(firsts).toEqual([true, false, false])
    expect(await nonces.get('n')).toBe('a')
  })

  it('gives a value to one of those who take it', async () => {
    await using world = primitiveWorld()
    const tickets = world.coordination.register<string>('tickets')
    await tickets.set('t', 'seat 4')
    const taken = await Promise.all([tickets.getAndDelete('t'), world.other.register('tickets').getAndDelete('t')])
    expect(taken).toEqual(['seat 4', undefined])
  })

  it('compares by content: the order of properties plays no part, types do', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register('settings')
    await register.set('s', { a: 1, b: { c: [1n], d: new Date(5) } })
    const change = { value: 'next' } as const
    expect(await register.compareAndSet('s', { expected: { a: 1, b: { c: [1], d: new Date(5) } }, ...change })).toBe(
      false,
    )
    expect(await register.compareAndSet('s', { expected: undefined, ...change })).toBe(false)
    expect(await register.compareAndSet('s', { expected: { b: { d: new Date(5), c: [1n] }, a: 1 }, ...change })).toBe(
      true,
    )
    expect(await register.get('s')).toBe('next')
  })

  it('expects nothing with `undefined`', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register('settings')
    expect(await register.compareAndSet('s', { expected: undefined, value: 1 })).toBe(true)
    expect(await register.compareAndSet('s', { expected: undefined, value: 2 })).toBe(false)
  })

  it('deletes what is expected only, or anything', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register<number>('settings')
    await register.set('s', 1)
    expect(await register.delete('s', 2)).toBe(false)
    expect(await register.delete('s', 1)).toBe(true)
    expect(await register.delete('s')).toBe(false)
    await register.set('s', 3)
    expect(await register.delete('s')).toBe(true)
  })

  it('loses no update of many at once', async () => {
    await using world = primitiveWorld()
    const [one, other] = [world.coordination.register<number>('sums'), world.other.register<number>('sums')]
    const addOne = (sum: number | undefined): number => (sum ?? 0) + 1
    await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? one : other).update('s', addOne)))
    expect(await one.get('s')).toBe(50)
  })

  it('begins an update again when somebody wrote meanwhile, with what they wrote', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register<string>('settings')
    const seen: (string | undefined)[] = []
    const result = await register.update('s', async (current) => {
      seen.push(current)
      if (seen.length === 1) await register.set('s', 'theirs')
      return `${current ?? 'nothing'} and mine`
    })
    expect(seen).toEqual([undefined, 'theirs'])
    expect(result).toBe('theirs and mine')
  })

  it('writes nothing when an update answers undefined', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register<number>('settings')
    await register.set('s', 1)
    expect(await register.update('s', () => undefined)).toBe(1)
    expect(await register.update('none', () => undefined)).toBeUndefined()
    expect(world.switched.asked.filter((call) => call === 'write')).toHaveLength(1)
  })

  it('passes on what an update throws, and writes nothing', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register<number>('settings')
    const failing = register.update('s', () => {
      throw new Error('mine')
    })
    await expect(failing).rejects.toThrow('mine')
    expect(await register.get('s')).toBeUndefined()
  })

  it('ends values after their own life, that of the register, or never', async () => {
    await using world = primitiveWorld()
    const lasting = world.coordination.register<number>('lasting')
    const brief = world.coordination.register<number>('brief', { ttl: '1m' })
    await Promise.all([lasting.set('a', 1), brief.set('a', 1), brief.set('b', 1, { ttl: '2m' })])
    await brief.update('c', () => 1, { ttl: '2m' })
    await brief.setIfAbsent('d', 1, { ttl: 1 })
    await world.runtime.advance(60_000)
    const left = [brief.get('a'), brief.get('b'), brief.get('c'), brief.get('d'), lasting.get('a')]
    expect(await Promise.all(left)).toEqual([undefined, 1, 1, undefined, 1])
    await world.runtime.advance(60_000)
    expect(await brief.get('b')).toBeUndefined()
  })

  it('refuses what has no text, before it asks the store', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register('settings')
    expect(await codeOf(register.set('s', undefined))).toBe('ERR_CACHE_VALUE_UNDEFINED')
    expect(await codeOf(register.set('s', () => 1))).toBe('ERR_CACHE_ENCODE')
    expect(await codeOf(register.set('s', 1, { ttl: 0 as never }))).toBe('ERR_CACHE_OPTION')
    expect(await codeOf(register.set('', 1))).toBe('ERR_CACHE_KEY')
    expect(world.switched.asked).toEqual([])
  })

  it('throws with `closed` when the store cannot be asked', async () => {
    await using world = primitiveWorld()
    world.switched.mood = 'fails'
    const register = world.coordination.register<number>('settings')
    const all = [
      register.get('s'),
      register.set('s', 1),
      register.setIfAbsent('s', 1),
      register.getAndDelete('s'),
      register.delete('s'),
      register.update('s', () => 1),
    ]
    for (const work of all) expect(await codeOf(work)).toBe('ERR_CACHE_UNAVAILABLE')
  })

  it('goes on with `open` as if it were the first and nothing were held; what it has to keep still throws', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register<number>('settings', { failure: 'open' })
    await register.set('s', 1)
    world.switched.mood = 'fails'
    expect(await register.get('s')).toBeUndefined()
    expect(await register.setIfAbsent('s', 2)).toBe(true)
    expect(await register.compareAndSet('s', { expected: 5, value: 2 })).toBe(true)
    expect(await register.getAndDelete('s')).toBeUndefined()
    expect(await codeOf(register.set('s', 2))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(register.delete('s'))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(register.update('s', () => 2))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(world.coordination.stats().primitives).toEqual([
      expect.objectContaining({
        primitive: 'register',
        name: 'settings',
        calls: 8,
        unavailable: 7,
        assumed: 4,
        local: 0,
      }),
    ])
  })

  it('keeps values in this process with `local`', async () => {
    await using world = primitiveWorld()
    const register = world.coordination.register<number>('settings', { failure: 'local' })
    world.switched.mood = 'fails'
    expect(await register.setIfAbsent('s', 1)).toBe(true)
    expect(await register.setIfAbsent('s', 2)).toBe(false)
    expect(await register.update('s', (value = 0) => value + 1)).toBe(2)
    world.switched.mood = 'answers'
    expect(await world.other.register('settings').get('s')).toBeUndefined()
  })
})
