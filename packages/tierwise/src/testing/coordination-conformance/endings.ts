import assert from 'node:assert/strict'

import { fenceOf, shortMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

/** Stores whose clock stands still are tried at the millisecond; for the others the chapters of their kinds wait. */
export function endingTests({ test }: CoordinationSuite): void {
  test('has everything until the millisecond in which it ends, and nothing from then on', async (session) => {
    if (!session.hasOwnClock) return
    const { store } = session
    await store.write('text', 'x', { ttlMs: shortMs })
    await store.add('number', 1, shortMs)
    await store.enter('set', [{ member: 'x', ttlMs: shortMs }, { member: 'y' }])
    await store.setFields('fields', { x: '1' }, shortMs)
    await store.rank('ranked', [{ member: 'x', score: 1 }], { ttlMs: shortMs })
    await store.acquire('tenure', 'x', { ttlMs: shortMs })
    await store.acquire('tenure', 'y', { ttlMs: shortMs, waitMs: shortMs })
    const look = async (): Promise<readonly unknown[]> => [
      await store.read('text'),
      await store.read('number'),
      await store.contains('set', ['x', 'y']),
      await store.size('set'),
      await store.fields('fields').then((held) => held && { ...held }),
      (await store.ranked('ranked')).length,
    ]
    await session.pass(shortMs - 1)
    assert.deepEqual(await look(), [
      { value: 'x', leftMs: 1 },
      { value: '1', leftMs: 1 },
      [true, true],
      2,
      { x: '1' },
      1,
    ])
    assert.deepEqual(await store.acquire('tenure', 'z', { ttlMs: shortMs }), { kind: 'busy', leftMs: 1, ahead: 1 })
    await session.pass(1)
    assert.deepEqual(await look(), [undefined, undefined, [false, true], 1, undefined, 0])
    fenceOf(await store.acquire('tenure', 'z', { ttlMs: shortMs }))
  })
}
