import assert from 'node:assert/strict'

import type { LocalSuite } from './suite.ts'

export function localLifeTests(suite: LocalSuite): void {
  reviewTests(suite)
  expiryTests(suite)
  tagTests(suite)
}

function reviewTests({ test }: LocalSuite): void {
  test('reads before reviewAt and not from then on, while find still answers', async ({ space, entry, runtime }) => {
    const now = runtime.clock.now()
    space.set('1', entry('Ada', { freshUntil: now + 100 }), now + 50)
    await runtime.advance(49)
    assert.equal(space.read('1'), 'Ada')
    await runtime.advance(1)
    assert.equal(space.read('1'), undefined)
    assert.equal(space.find('1')?.value, 'Ada')
    assert.deepEqual([space.hits, space.misses], [1, 1])
  })

  test('reads nothing without the right to serve, and again when it is held', async ({ space, put, runtime }) => {
    put('1', 'Ada')
    assert.equal(space.servableUntil, Infinity)
    space.servableUntil = runtime.clock.now() + 10
    assert.equal(space.read('1'), 'Ada')
    await runtime.advance(10)
    assert.equal(space.read('1'), undefined)
    space.servableUntil = runtime.clock.now() + 1
    assert.equal(space.read('1'), 'Ada')
    space.servableUntil = 0
    assert.equal(space.read('1'), undefined)
  })

  test('loses the right to serve in one namespace alone', ({ space, put, open, entry }) => {
    const orders = open('orders')
    put('1', 'Ada')
    orders.set('1', entry('an order'), Infinity)
    orders.servableUntil = 0
    assert.deepEqual([space.read('1'), orders.read('1')], ['Ada', undefined])
  })
}

function expiryTests({ test }: LocalSuite): void {
  test('finds a stale entry until it is dead, to the millisecond', async ({ space, put, runtime }) => {
    const now = runtime.clock.now()
    put('1', 'Ada', { freshUntil: now + 10, usableUntil: now + 30 })
    await runtime.advance(10)
    assert.deepEqual([space.read('1'), space.find('1')?.value], [undefined, 'Ada'])
    await runtime.advance(19)
    assert.equal(space.find('1')?.value, 'Ada')
    await runtime.advance(1)
    assert.deepEqual([space.read('1'), space.find('1'), [...space.keys()]], [undefined, undefined, []])
  })

  test('lists stale keys and no dead ones', async ({ space, put, runtime }) => {
    const now = runtime.clock.now()
    put('stale', 1, { freshUntil: now + 10, usableUntil: now + 1000 })
    put('dead', 2, { freshUntil: now + 10, usableUntil: now + 20 })
    put('endless', 3)
    await runtime.advance(20)
    assert.deepEqual([...space.keys()].sort(), ['endless', 'stale'])
  })

  test('serves no entry that is dead on arrival', ({ space, put, runtime }) => {
    const now = runtime.clock.now()
    put('1', 'Ada', { freshUntil: now - 20, usableUntil: now - 10 })
    put('2', 'Grace', { freshUntil: now, usableUntil: now })
    const answers = ['1', '2'].flatMap((key) => [space.read(key), space.find(key)])
    assert.deepEqual(new Set(answers), new Set([undefined]))
    assert.deepEqual([...space.keys()], [])
  })

  test('holds entries that outlive any timer', async ({ space, put, runtime }) => {
    const now = runtime.clock.now()
    const life = { freshUntil: now + 2 ** 32, usableUntil: now + 2 ** 32 }
    put('long', 'Ada', life)
    put('endless', 'Grace')
    await runtime.advance(60_000)
    assert.deepEqual([space.read('long'), space.read('endless')], ['Ada', 'Grace'])
  })

  test('gives a replaced entry the life of the new one', async ({ space, put, runtime }) => {
    const now = runtime.clock.now()
    put('longer', 1, { freshUntil: now + 10, usableUntil: now + 10 })
    put('longer', 2)
    put('shorter', 1)
    put('shorter', 2, { freshUntil: now + 10, usableUntil: now + 10 })
    await runtime.advance(60_000)
    assert.deepEqual([space.read('longer'), space.find('shorter')], [2, undefined])
  })
}

function tagTests({ test }: LocalSuite): void {
  test('neither reads nor finds an entry with an invalidated tag', ({ space, put, tags }) => {
    put('1', 'Ada', { tags: ['red', 'green'] })
    put('2', 'Grace', { tags: ['blue'] })
    put('3', 'Edsger')
    tags.invalidate('green')
    assert.deepEqual([space.read('1'), space.find('1')], [undefined, undefined])
    assert.deepEqual([space.read('2'), space.read('3')], ['Grace', 'Edsger'])
    put('1', 'new', { tags: ['green'] })
    assert.equal(space.read('1'), 'new')
  })

  test('takes an entry that was loaded before an invalidation as invalidated', ({ space, put, tags }) => {
    const before = tags.now
    tags.invalidate('red')
    put('1', 'late', { tags: ['red'], tagClock: before })
    assert.deepEqual([space.read('1'), space.find('1')], [undefined, undefined])
  })
}
