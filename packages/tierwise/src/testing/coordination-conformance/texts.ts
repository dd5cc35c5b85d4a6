import assert from 'node:assert/strict'

import { assertJustBegun, longMs, shortMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

export function textTests(suite: CoordinationSuite): void {
  writeTests(suite)
  conditionTests(suite)
  lifeTests(suite)
  removeTests(suite)
}

function writeTests({ test }: CoordinationSuite): void {
  test('reads nothing under a key that was never written', async ({ store }) => {
    assert.equal(await store.read('a'), undefined)
  })

  test('reads what was written, from every handle', async ({ store, handles }) => {
    assert.deepEqual(await store.write('a', 'one', {}), { written: true, before: undefined })
    for (const handle of handles) assert.deepEqual(await handle.read('a'), { value: 'one', leftMs: Infinity })
  })

  test('answers a write with what was held before', async ({ store, other }) => {
    await store.write('a', 'one', {})
    assert.deepEqual(await other.write('a', 'two', {}), { written: true, before: { value: 'one', leftMs: Infinity } })
    assert.equal((await store.read('a'))?.value, 'two')
  })

  test('holds texts as they are', async ({ store }) => {
    for (const value of ['', ' ', '0', 'null', 'é日\u{1f9ca}', 'line\r\nbreak', '{"a":[1]}', 'x'.repeat(200_000)]) {
      await store.write('a', value, {})
      assert.ok((await store.read('a'))?.value === value, `holds a text of ${value.length} characters`)
    }
  })
}

function conditionTests({ test }: CoordinationSuite): void {
  test('writes with `absent` only where nothing is, an empty text being something', async ({ store }) => {
    assert.equal((await store.write('a', '', { onlyIf: 'absent' })).written, true)
    assert.deepEqual(await store.write('a', 'two', { onlyIf: 'absent' }), {
      written: false,
      before: { value: '', leftMs: Infinity },
    })
    assert.equal((await store.read('a'))?.value, '')
  })

  test('writes with `present` only where something is', async ({ store }) => {
    assert.deepEqual(await store.write('a', 'one', { onlyIf: 'present' }), { written: false, before: undefined })
    assert.equal(await store.read('a'), undefined)
    await store.write('a', '', {})
    assert.equal((await store.write('a', 'two', { onlyIf: 'present' })).written, true)
    assert.equal((await store.read('a'))?.value, 'two')
  })

  test('writes with `is` only over that very text', async ({ store }) => {
    assert.equal((await store.write('a', 'two', { onlyIf: { is: '' } })).written, false, 'nothing is no empty text')
    await store.write('a', '1', {})
    for (const is of ['', '01', '1.0', ' 1', 'one']) {
      assert.deepEqual(await store.write('a', 'two', { onlyIf: { is } }), {
        written: false,
        before: { value: '1', leftMs: Infinity },
      })
    }
    assert.equal((await store.write('a', 'two', { onlyIf: { is: '1' } })).written, true)
    assert.equal((await store.read('a'))?.value, 'two')
  })
}

function lifeTests({ test }: CoordinationSuite): void {
  test('tells how long a text stays', async ({ store, other }) => {
    await store.write('a', 'one', { ttlMs: longMs })
    assertJustBegun((await other.read('a'))?.leftMs, longMs)
    assertJustBegun((await other.write('a', 'two', { onlyIf: 'absent', ttlMs: 1 })).before?.leftMs, longMs)
  })

  test('ends a text after its life', async (session) => {
    const { store } = session
    await store.write('a', 'one', { ttlMs: shortMs })
    await session.pass(shortMs)
    assert.equal(await store.read('a'), undefined)
    assert.deepEqual(await store.write('a', 'two', { onlyIf: 'present' }), { written: false, before: undefined })
    assert.deepEqual(await store.remove('a'), { removed: false, before: undefined })
    assert.deepEqual(await store.write('a', 'two', { onlyIf: 'absent' }), { written: true, before: undefined })
  })

  test('gives a text the life of its last write', async (session) => {
    const { store } = session
    for (const [key, ttlMs] of [
      ['never', undefined],
      ['endless', Infinity],
      ['longer', longMs],
    ] as const) {
      await store.write(key, 'one', { ttlMs: session.livelyMs })
      await store.write(key, 'two', { ttlMs })
    }
    await store.write('shorter', 'one', {})
    await store.write('shorter', 'two', { ttlMs: session.livelyMs })
    await store.write('refused', 'one', { ttlMs: session.livelyMs })
    await store.write('refused', 'two', { ttlMs: longMs, onlyIf: 'absent' })
    await session.pass(session.livelyMs)
    assert.deepEqual(await store.read('never'), { value: 'two', leftMs: Infinity })
    assert.deepEqual(await store.read('endless'), { value: 'two', leftMs: Infinity })
    assert.equal((await store.read('longer'))?.value, 'two')
    assert.equal(await store.read('shorter'), undefined)
    assert.equal(await store.read('refused'), undefined, 'a write that was not made prolongs nothing')
  })
}

function removeTests({ test }: CoordinationSuite): void {
  test('removes a text once, and answers what it was', async ({ store, other }) => {
    await store.write('a', 'one', {})
    assert.deepEqual(await store.remove('a'), { removed: true, before: 'one' })
    assert.deepEqual(await other.remove('a'), { removed: false, before: undefined })
    assert.equal(await store.read('a'), undefined)
  })

  test('removes a text only if it is the one that was asked for', async ({ store }) => {
    assert.deepEqual(await store.remove('a', { is: '' }), { removed: false, before: undefined })
    await store.write('a', 'one', {})
    assert.deepEqual(await store.remove('a', { is: 'two' }), { removed: false, before: 'one' })
    assert.equal((await store.read('a'))?.value, 'one')
    assert.deepEqual(await store.remove('a', { is: 'one' }), { removed: true, before: 'one' })
    assert.equal(await store.read('a'), undefined)
  })
}
