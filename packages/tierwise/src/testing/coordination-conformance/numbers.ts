import assert from 'node:assert/strict'

import { assertJustBegun, assertRefused, longMs, shortMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const most = Number.MAX_SAFE_INTEGER

export function numberTests(suite: CoordinationSuite): void {
  addTests(suite)
  refusalTests(suite)
  raiseTests(suite)
}

function addTests({ test }: CoordinationSuite): void {
  test('begins a number at 0 and adds to it', async ({ store, other }) => {
    assert.deepEqual(await store.add('a', 5), { value: 5, leftMs: Infinity })
    assert.deepEqual(await other.add('a', -7), { value: -2, leftMs: Infinity })
    assert.deepEqual(await store.add('zero', 0), { value: 0, leftMs: Infinity })
    assert.equal((await store.read('zero'))?.value, '0')
  })

  test('holds a number as a text, in plain digits', async ({ store }) => {
    for (const [start, by, sum] of [
      ['41', 1, '42'],
      ['-3', 3, '0'],
      ['0', most, String(most)],
    ] as const) {
      await store.write('a', start, {})
      assert.equal((await store.add('a', by)).value, Number(sum))
      assert.equal((await store.read('a'))?.value, sum)
    }
  })

  test('keeps the life that a number began with', async (session) => {
    const { store } = session
    assertJustBegun((await store.add('long', 1, longMs)).leftMs, longMs)
    assertJustBegun((await store.add('long', 1, 1)).leftMs, longMs)
    assertJustBegun((await store.add('long', 1)).leftMs, longMs)
    assert.equal((await store.add('never', 1)).leftMs, Infinity)
    assert.equal((await store.add('never', 1, shortMs)).leftMs, Infinity)
    assert.equal((await store.add('endless', 1, Infinity)).leftMs, Infinity)
    await store.write('text', '1', { ttlMs: longMs })
    assertJustBegun((await store.add('text', 1)).leftMs, longMs)
  })

  test('begins again at 0 when a number has ended', async (session) => {
    const { store } = session
    await store.add('a', 5, session.livelyMs)
    await store.add('a', 5, longMs)
    await session.pass(session.livelyMs)
    assert.equal(await store.read('a'), undefined)
    assert.equal((await store.add('a', 3)).value, 3)
  })
}

function refusalTests({ test }: CoordinationSuite): void {
  test('adds to nothing but whole numbers', async ({ store }) => {
    for (const text of ['', ' ', 'one', '1.5', '1e3', '0x10', ' 1', '1 ', 'NaN', 'Infinity', '9007199254740993']) {
      await store.write('a', text, {})
      await assertRefused(store.add('a', 1), 'add')
      assert.equal((await store.read('a'))?.value, text, 'what was refused changes nothing')
    }
  })

  test('refuses a sum that is not exact', async ({ store }) => {
    await store.add('a', most)
    await assertRefused(store.add('a', 1), 'add')
    await assertRefused(store.add('a', most), 'add')
    assert.equal((await store.read('a'))?.value, String(most), 'what was refused changes nothing')
    await store.add('b', -most)
    await assertRefused(store.add('b', -1), 'add')
    assert.equal((await store.add('b', most)).value, 0)
  })

  test('raises nothing but numbers', async ({ store }) => {
    for (const text of ['', 'one', '0x10']) {
      await store.write('a', text, {})
      await assertRefused(store.raise('a', 20), 'raise')
      assert.equal((await store.read('a'))?.value, text)
    }
  })
}

function raiseTests({ test }: CoordinationSuite): void {
  test('raises a number, never lowers it', async ({ store, other }) => {
    assert.deepEqual(await store.raise('a', 10), { value: 10, raised: true })
    assert.deepEqual(await other.raise('a', 10), { value: 10, raised: false })
    assert.deepEqual(await store.raise('a', 9), { value: 10, raised: false })
    assert.deepEqual(await store.raise('a', 11), { value: 11, raised: true })
    assert.equal((await other.read('a'))?.value, '11')
  })

  test('compares numbers and not texts', async ({ store }) => {
    for (const to of [-most, -10, -9, 0, 9, 10, 1_767_225_600_000, 1_767_225_600_001, most]) {
      assert.deepEqual(await store.raise('a', to), { value: to, raised: true })
      assert.equal((await store.read('a'))?.value, String(to))
    }
    assert.deepEqual(await store.raise('a', most - 1), { value: most, raised: false })
  })

  test('begins with a negative number as with any other', async ({ store }) => {
    assert.deepEqual(await store.raise('a', -5), { value: -5, raised: true })
    assert.deepEqual(await store.raise('a', -6), { value: -5, raised: false })
  })

  test('keeps parts of a whole exact', async ({ store }) => {
    for (const to of [0.1, 0.5, 1.25, 2.000000000000001]) {
      assert.deepEqual(await store.raise('a', to), { value: to, raised: true })
      assert.deepEqual(await store.raise('a', to), { value: to, raised: false })
    }
  })

  test('raises for ever', async (session) => {
    const { store } = session
    await store.write('a', '1', { ttlMs: shortMs })
    await store.raise('a', 2)
    await session.pass(shortMs)
    assert.deepEqual(await store.read('a'), { value: '2', leftMs: Infinity })
    await store.write('b', '1', { ttlMs: shortMs })
    await session.pass(shortMs)
    assert.deepEqual(
      await store.raise('b', 0),
      { value: 0, raised: true },
      'what has ended is no number to compare with',
    )
  })
}
