import assert from 'node:assert/strict'

import { oddKeys } from './keys.ts'
import type { LocalSuite } from './suite.ts'
import { assertSameMembers, numbered } from './tier-session.ts'

export function localEntryTests(suite: LocalSuite): void {
  readingTests(suite)
  removalTests(suite)
  listingTests(suite)
}

function readingTests({ test }: LocalSuite): void {
  test('reads the very value that was stored, at once', ({ space, put }) => {
    const value = { name: 'Ada' }
    assert.equal(put('1', value), true)
    assert.equal(space.read('1'), value)
    assert.equal(space.find('1')?.value, value)
    assert.equal(space.read('2'), undefined)
    assert.equal(space.find('2'), undefined)
  })

  test('reads falsy values as values', ({ space, put }) => {
    for (const value of [null, 0, '', false, Number.NaN, 0n]) {
      put('1', value)
      assert.ok(Object.is(space.read('1'), value))
      assert.ok(Object.is(space.find('1')?.value, value))
    }
  })

  test('replaces an entry as a whole', ({ space, put }) => {
    put('1', 'old', { tags: ['red'], loadMs: 5 })
    put('1', 'new')
    assert.equal(space.read('1'), 'new')
    assert.deepEqual([space.size, space.find('1')?.tags, space.find('1')?.loadMs], [1, [], 0])
  })

  test('finds everything about an entry', ({ space, entry, runtime }) => {
    const now = runtime.clock.now()
    const fields = { createdAt: now - 5, freshUntil: now + 100, usableUntil: now + 200, tags: ['red'], loadMs: 7 }
    const stored = entry({ name: 'Ada' }, { ...fields, version: 42, sizeBytes: 1000 })
    space.set('1', stored, now + 50)
    const found = space.find('1')
    assert.ok(found)
    for (const field of ['value', 'version', 'createdAt', 'freshUntil', 'usableUntil', 'tagClock', 'loadMs'] as const) {
      assert.deepEqual(found[field], stored[field], field)
    }
    assert.deepEqual([[...found.tags], found.reviewAt], [['red'], now + 50])
  })

  test('counts reads that answer and reads that do not, and no finds', ({ space, put }) => {
    put('1', 'Ada')
    for (const key of ['1', '1', '2']) space.read(key)
    space.find('1')
    space.find('2')
    assert.deepEqual([space.hits, space.misses], [2, 1])
  })

  test('takes odd keys as they are', ({ space, put }) => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      assert.equal(space.read(name), undefined, `${name} is absent`)
    }
    const keys = [...oddKeys, '', '\ud83e', '\ud83f']
    for (const key of keys) put(key, `value of ${key}`)
    for (const key of keys) assert.equal(space.read(key), `value of ${key}`)
    assert.equal(space.size, keys.length)
  })
}

function removalTests({ test }: LocalSuite): void {
  test('deletes an entry and tells whether it was held', ({ space, put }) => {
    put('1', 'Ada')
    put('2', 'Grace')
    assert.deepEqual([space.delete('1'), space.delete('1'), space.delete('3')], [true, false, false])
    assert.deepEqual(
      [space.read('1'), space.find('1'), space.read('2'), space.size],
      [undefined, undefined, 'Grace', 1],
    )
    put('1', 'back')
    assert.equal(space.read('1'), 'back')
  })

  test('forgets everything with clear, and takes the same keys again', ({ space, put }) => {
    for (const key of numbered('', 500)) put(key, key)
    space.clear()
    assert.deepEqual([space.size, [...space.keys()], space.read('7'), space.find('7')], [0, [], undefined, undefined])
    put('7', 'again')
    assert.deepEqual([space.size, space.read('7'), [...space.keys()]], [1, 'again', ['7']])
  })

  test('keeps the entries that are stored after a clear', async ({ space, put, runtime }) => {
    for (const key of numbered('', 500)) put(key, 'before')
    space.clear()
    for (const key of numbered('', 300)) put(key, 'after')
    // Memory is given back in the background, which must not reach what came later.
    await runtime.advance(60_000)
    assert.equal(space.size, 300)
    for (const key of numbered('', 300)) assert.equal(space.read(key), 'after')
  })

  test('keeps the namespaces apart', ({ space, put, open, entry }) => {
    const orders = open('orders')
    put('1', 'Ada')
    orders.set('1', entry('an order'), Infinity)
    assert.deepEqual([space.read('1'), orders.read('1')], ['Ada', 'an order'])
    orders.clear()
    assert.deepEqual([space.read('1'), orders.read('1'), space.size, orders.size], ['Ada', undefined, 1, 0])
    assert.deepEqual([space.hits, orders.misses], [2, 1])
  })
}

function listingTests({ test }: LocalSuite): void {
  test('lists each key once', ({ space, put }) => {
    const keys = numbered('', 100)
    for (const key of keys) put(key, key)
    put('5', 'again')
    space.delete('9')
    assertSameMembers([...space.keys()], keys.toSpliced(9, 1))
  })

  test('lists on while entries come, change and go', ({ space, put }) => {
    const keys = numbered('', 200)
    for (const key of keys) put(key, key)
    const listed: string[] = []
    for (const key of space.keys()) {
      listed.push(key)
      if (listed.length > 100) continue
      space.delete(String(100 + listed.length))
      put('new', 'new')
      put('0', 'changed')
    }
    assert.equal(new Set(listed).size, listed.length, 'no key is listed twice')
    for (const key of keys.slice(0, 100)) assert.ok(listed.includes(key), `${key} is listed`)
  })

  test('lists on after a clear without failing', ({ space, put }) => {
    for (const key of numbered('', 50)) put(key, key)
    for (const _ of space.keys()) space.clear()
    assert.equal(space.size, 0)
  })
}
