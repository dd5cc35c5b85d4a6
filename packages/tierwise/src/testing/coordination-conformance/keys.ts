import assert from 'node:assert/strict'

import type { CoordinationStore } from '../../contract/coordination.ts'
import { oddKeys } from '../conformance/keys.ts'
import { assertRefused, assertSameTexts, fenceOf, longMs, shown } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

export function keyTests(suite: CoordinationSuite): void {
  const all = ['', ' ', '{}', '{a}b', '{', '}', '*', ...oddKeys]
  const odd = suite.options.refusesNul === true ? all.filter((key) => !key.includes('\0')) : all
  textTests(suite, odd)
  nameTests(suite, odd)
  if (suite.options.refusesNul === true) nulTests(suite)
}

function textTests({ test }: CoordinationSuite, odd: readonly string[]): void {
  test('never mixes up keys that look alike', async ({ store, other }) => {
    for (const key of odd) await store.write(key, `text of ${key}`, { onlyIf: 'absent' })
    for (const key of odd) assert.equal((await other.read(key))?.value, `text of ${key}`, `holds ${shown(key)}`)
    for (const [index, key] of odd.entries()) {
      assert.equal((await other.remove(key)).removed, true, `removes ${shown(key)}`)
      const next = odd[index + 1]
      if (next !== undefined) assert.equal((await store.read(next))?.value, `text of ${next}`, `${shown(next)} stays`)
    }
  })

  test('takes odd keys for every kind', async ({ store, other }) => {
    for (const key of odd) {
      await store.enter(key, [{ member: 'x' }])
      assert.equal(await other.size(key), 1, `a set under ${shown(key)}`)
      await store.remove(key)
      await store.setFields(key, { x: '1' })
      assert.deepEqual({ ...(await other.fields(key)) }, { x: '1' }, `fields under ${shown(key)}`)
      await store.remove(key)
      await store.rank(key, [{ member: 'x', score: 1 }])
      assert.equal((await other.ranked(key)).length, 1, `a list under ${shown(key)}`)
      await store.remove(key)
      const rule = { kind: 'sliding-window', limit: 2, periodMs: longMs } as const
      assert.equal((await store.take(key, rule, { cost: 1 })).remaining, 1, `a limit under ${shown(key)}`)
      assert.equal((await other.take(key, rule, { cost: 1 })).remaining, 0, `a limit under ${shown(key)}`)
      await store.remove(key)
      fenceOf(await store.acquire(key, 'x', { ttlMs: longMs }))
      assert.equal(await other.release(key, 'x'), true, `a tenure of ${shown(key)}`)
    }
  })

  test('takes odd texts for values and conditions', async ({ store, other }) => {
    for (const value of odd) {
      await store.write('a', value, {})
      assert.equal((await other.write('a', value, { onlyIf: { is: value } })).before?.value, value)
      assert.deepEqual(await other.remove('a', { is: value }), { removed: true, before: value })
    }
  })
}

function nameTests({ test }: CoordinationSuite, odd: readonly string[]): void {
  test('takes odd names for members', async ({ store, other }) => {
    assert.ok(
      (
        await store.enter(
          'a',
          odd.map((member) => ({ member, ttlMs: longMs })),
        )
      ).every(Boolean),
      'all are new',
    )
    assertSameTexts(await other.members('a'), odd)
    for (const member of odd) assert.deepEqual(await other.leave('a', [member]), [true], shown(member))
    assert.equal(await store.size('a'), 0)
  })

  test('takes odd names for members of lists', async ({ store, other }) => {
    await store.rank(
      'a',
      odd.map((member, score) => ({ member, score })),
    )
    assert.deepEqual(
      (await other.ranked('a')).map(({ member }) => member),
      odd,
    )
    assert.equal(await other.unrank('a', odd), odd.length)
  })

  test('takes odd names and values for fields', async ({ store, other }) => {
    await store.setFields('a', Object.fromEntries(odd.map((name) => [name, `value of ${name}`])))
    const held = (await other.fields('a')) ?? {}
    assertSameTexts(Object.keys(held), odd)
    for (const [name, value] of Object.entries(held)) assert.equal(value, `value of ${name}`)
    await store.setFields('a', Object.fromEntries(odd.map((name) => [name, null])))
    assert.equal(await other.fields('a'), undefined)
  })

  test('takes odd names for owners', async ({ store, other }) => {
    const fences: number[] = []
    for (const owner of odd) {
      fences.push(fenceOf(await store.acquire('a', owner, { ttlMs: longMs })))
      for (const wrong of ['x', `${owner} `]) await assertNotHeld(other, wrong)
      assert.equal(await other.renew('a', owner, longMs), true, shown(owner))
      assert.equal(await other.release('a', owner), true, shown(owner))
    }
    assert.deepEqual(
      fences,
      [...new Set(fences)].sort((a, b) => a - b),
      'each larger than all before',
    )
  })
}

function nulTests({ test }: CoordinationSuite): void {
  test('refuses texts with U+0000', async ({ store }) => {
    await assertRefused(store.write('a\0', 'x', {}), 'write')
    await assertRefused(store.write('a', 'x\0', {}), 'write')
    await assertRefused(store.enter('a', [{ member: 'x\0' }]), 'enter')
    await assertRefused(store.setFields('a', { 'x\0': '1' }), 'setFields')
    await assertRefused(store.rank('a', [{ member: 'x\0', score: 1 }]), 'rank')
    await assertRefused(store.acquire('a', 'x\0', { ttlMs: longMs }), 'acquire')
    assert.equal(await store.read('a'), undefined)
  })
}

async function assertNotHeld(store: CoordinationStore, owner: string): Promise<void> {
  assert.equal(await store.renew('a', owner, longMs), false, `not held by ${shown(owner)}`)
  assert.equal(await store.release('a', owner), false)
}
