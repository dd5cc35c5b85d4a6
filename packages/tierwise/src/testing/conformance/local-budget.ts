import assert from 'node:assert/strict'

import type { LocalSuite } from './suite.ts'
import { numbered } from './tier-session.ts'

export function localBudgetTests(suite: LocalSuite): void {
  accountTests(suite)
  quotaTests(suite)
}

function accountTests({ test }: LocalSuite): void {
  test('accounts for what it holds and gives it all back', ({ space, put, tier }) => {
    assert.deepEqual([space.size, space.bytes, tier.usage().entries], [0, 0, 0])
    for (const key of numbered('', 50)) put(key, 'x'.repeat(1000))
    assert.equal(space.size, 50)
    assert.ok(space.bytes >= 50_000, `50 kB of values show in the bytes: ${space.bytes}`)
    for (const key of numbered('', 50)) put(key, 'x')
    assert.ok(space.bytes < 50_000, `replaced values leave the bytes: ${space.bytes}`)
    for (const key of numbered('', 50)) space.delete(key)
    assert.deepEqual([space.size, space.bytes], [0, 0])
  })

  test('accounts for a clear at once', ({ space, put, tier }) => {
    for (const key of numbered('', 50)) put(key, 'x'.repeat(1000))
    space.clear()
    assert.deepEqual([space.size, space.bytes, tier.usage().entries], [0, 0, 0])
  })

  test('trusts the size an entry brings', ({ space, put }) => {
    put('1', 'small to look at', { sizeBytes: 100_000 })
    assert.ok(space.bytes >= 100_000)
    space.delete('1')
    assert.equal(space.bytes, 0)
  })

  test('sums up its namespaces', ({ space, put, open, entry, tier }) => {
    const orders = open('orders')
    for (const key of numbered('', 20)) put(key, 'a user')
    for (const key of numbered('', 30)) orders.set(key, entry('an order'), Infinity)
    const usage = tier.usage()
    assert.equal(usage.entries, 50)
    if (tier.capabilities.bytes) assert.equal(usage.bytes, space.bytes + orders.bytes)
    else assert.equal(usage.bytes, undefined)
  })
}

function quotaTests({ test }: LocalSuite): void {
  test('holds a namespace to its quota of entries', ({ open, entry }) => {
    const small = open('small', { maxEntries: 10 })
    for (const key of numbered('', 100)) {
      small.set(key, entry(key), Infinity)
      assert.ok(small.size <= 10, `${small.size} entries are more than 10`)
    }
    assert.ok(small.size > 0)
    assert.equal([...small.keys()].length, small.size)
  })

  test('holds a namespace to its quota of bytes', ({ open, entry, space, put }) => {
    const small = open('small', { maxBytes: 20_000 })
    put('1', 'Ada')
    for (const key of numbered('', 100)) {
      small.set(key, entry('x', { sizeBytes: 1000 }), Infinity)
      assert.ok(small.bytes <= 20_000, `${small.bytes} bytes are more than the quota`)
    }
    assert.ok(small.size > 0)
    assert.equal(space.read('1'), 'Ada', 'a quota takes nothing from another namespace')
  })

  test('refuses an entry that is larger than the quota, and holds nothing for its key', ({ open, entry }) => {
    const small = open('small', { maxBytes: 20_000 })
    small.set('neighbour', entry('x', { sizeBytes: 100 }), Infinity)
    assert.equal(small.set('1', entry('small', { sizeBytes: 100 }), Infinity), true)
    assert.equal(small.set('1', entry('large', { sizeBytes: 30_000 }), Infinity), false)
    assert.deepEqual([small.read('1'), small.find('1'), [...small.keys()]], [undefined, undefined, ['neighbour']])
  })

  test('drops everything and stops its timers when it is closed, as often as it is asked', ({
    space,
    put,
    tier,
    runtime,
  }) => {
    const now = runtime.clock.now()
    for (const key of numbered('', 50)) put(key, key, { freshUntil: now + 100, usableUntil: now + 100 })
    space.clear()
    put('1', 'Ada')
    tier.close()
    tier.close()
    assert.equal(tier.usage().entries, 0)
    assert.equal(runtime.pendingTimers.length, 0)
  })
}
