import assert from 'node:assert/strict'

import { longMs, shortMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

export function fieldTests(suite: CoordinationSuite): void {
  settingTests(suite)
  lifeTests(suite)
}

function settingTests({ test }: CoordinationSuite): void {
  test('has nothing under a key that was never set', async ({ store }) => {
    assert.equal(await store.fields('a'), undefined)
    assert.equal(await store.fields('a', ['x']), undefined)
  })

  test('sets fields and leaves the others', async ({ store, other }) => {
    await store.setFields('a', { x: '1', y: '2' })
    await other.setFields('a', { y: 'two', z: '' })
    assert.deepEqual({ ...(await store.fields('a')) }, { x: '1', y: 'two', z: '' })
  })

  test('reads the fields that are named, if they are there', async ({ store, other }) => {
    await store.setFields('a', { x: '1', y: '2' })
    assert.deepEqual({ ...(await other.fields('a', ['y', 'z', 'y'])) }, { y: '2' })
    const none = await other.fields('a', ['z'])
    assert.ok(none !== undefined, 'the key is there, even if none of the fields is')
    assert.deepEqual(Object.keys(none), [])
    assert.deepEqual(Object.keys((await other.fields('a', [])) ?? { undefined: '' }), [])
  })

  test('removes a field with `null`, and the key with its last field', async ({ store }) => {
    await store.setFields('a', { x: '1', y: '2' })
    await store.setFields('a', { x: null, z: null })
    assert.deepEqual({ ...(await store.fields('a')) }, { y: '2' })
    await store.setFields('a', { y: null })
    assert.equal(await store.fields('a'), undefined)
    assert.equal((await store.write('a', 'one', { onlyIf: 'absent' })).written, true, 'nothing is left')
  })

  test('begins nothing without a field', async ({ store }) => {
    await store.setFields('a', {})
    await store.setFields('a', { x: null }, longMs)
    assert.equal(await store.fields('a'), undefined)
    assert.equal((await store.write('a', 'one', { onlyIf: 'absent' })).written, true)
  })

  test('takes the names that every object has', async ({ store, other }) => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', '0']
    const wanted = Object.fromEntries(names.map((name) => [name, `value of ${name}`]))
    await store.setFields('a', { x: '1' })
    for (const name of names) assert.ok(!Object.hasOwn((await store.fields('a', [name])) ?? {}, name), `has no ${name}`)
    await store.setFields('a', wanted)
    const held = (await other.fields('a')) ?? {}
    for (const name of names) {
      assert.ok(Object.hasOwn(held, name), `holds ${name}`)
      assert.deepEqual(Object.entries((await other.fields('a', [name])) ?? {}), [[name, `value of ${name}`]])
    }
    assert.equal(Object.keys(held).length, names.length + 1)
  })

  test('removes all fields with the key', async ({ store }) => {
    await store.setFields('a', { x: '1', y: '2' })
    assert.deepEqual(await store.remove('a'), { removed: true, before: undefined })
    assert.equal(await store.fields('a'), undefined)
  })
}

function lifeTests({ test }: CoordinationSuite): void {
  test('ends all fields at once', async (session) => {
    const { store } = session
    await store.setFields('a', { x: '1' })
    await store.setFields('a', { y: '2' }, shortMs)
    await session.pass(shortMs)
    assert.equal(await store.fields('a'), undefined)
    await store.setFields('a', { z: '3' })
    assert.deepEqual({ ...(await store.fields('a')) }, { z: '3' })
    await session.pass(shortMs)
    assert.deepEqual(
      { ...(await store.fields('a')) },
      { z: '3' },
      'the life that has ended is not that of what comes after',
    )
  })

  test('leaves the life when none is given', async (session) => {
    const { store } = session
    await store.setFields('a', { x: '1' }, session.livelyMs)
    await store.setFields('a', { y: '2' })
    await session.pass(session.livelyMs)
    assert.equal(await store.fields('a'), undefined)
  })

  test('begins a new life when one is given', async (session) => {
    const { store } = session
    for (const [key, ttlMs] of [
      ['longer', longMs],
      ['endless', Infinity],
    ] as const) {
      await store.setFields(key, { x: '1' }, shortMs)
      await store.setFields(key, {}, ttlMs)
    }
    await session.pass(shortMs)
    assert.deepEqual({ ...(await store.fields('longer')) }, { x: '1' })
    assert.deepEqual({ ...(await store.fields('endless')) }, { x: '1' })
  })
}
