import assert from 'node:assert/strict'

import type { CoordinationStore } from '../../contract/coordination.ts'
import { TierError } from '../../errors.ts'
import { longMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const steps: readonly ((store: CoordinationStore) => Promise<unknown>)[] = [
  (store) => store.read('a'),
  (store) => store.write('a', 'x', {}),
  (store) => store.remove('a'),
  (store) => store.add('a', 1),
  (store) => store.raise('a', 1),
  (store) => store.enter('a', [{ member: 'x' }]),
  (store) => store.contains('a', ['x']),
  (store) => store.leave('a', ['x']),
  (store) => store.size('a'),
  (store) => store.members('a'),
  (store) => store.setFields('a', { x: '1' }),
  (store) => store.fields('a'),
  (store) => store.rank('a', [{ member: 'x', score: 1 }]),
  (store) => store.ranked('a'),
  (store) => store.unrank('a', ['x']),
  (store) => store.acquire('a', 'x', { ttlMs: longMs }),
  (store) => store.renew('a', 'x', longMs),
  (store) => store.release('a', 'x'),
  (store) => store.take('a', { kind: 'fixed-window', limit: 1, periodMs: longMs }, { cost: 1 }),
  (store) => store.giveBack('a', { kind: 'fixed-window', limit: 1, periodMs: longMs }, { units: 1, at: 1_000_000 }),
  (store) => store.publish('a', 'x'),
  (store) => store.subscribe('a', () => undefined),
]

export function closingTests({ test }: CoordinationSuite): void {
  test('has a name, and says what it can do', async ({ store }) => {
    assert.ok(store.name !== '')
    assert.equal(typeof store.capabilities.shared, 'boolean')
    assert.equal(typeof store.capabilities.durable, 'boolean')
  })

  test('opens by itself, and again without harm', async ({ store }) => {
    await store.write('a', 'one', {})
    await store.open()
    await store.open()
    assert.equal((await store.read('a'))?.value, 'one')
  })

  test('rejects every step after it was closed', async ({ store, handles }) => {
    await store.write('a', 'one', {})
    await store.close()
    await store.close()
    for (const step of steps) {
      await assert.rejects(step(store), (error) => error instanceof TierError && error.code === 'ERR_CACHE_TIER_CLOSED')
    }
    const other = handles.find((handle) => handle !== store)
    if (other !== undefined) assert.equal((await other.read('a'))?.value, 'one', 'the others go on')
  })

  test('tells nothing after it was closed', async (session) => {
    const { store, handles } = session
    const heard: string[] = []
    const subscription = await store.subscribe('news', () => void heard.push('closed'))
    const other = handles.find((handle) => handle !== store)
    await other?.subscribe('news', () => void heard.push('open'))
    await store.close()
    await subscription.close()
    await other?.publish('news', 'one')
    if (other !== undefined) await session.until('telling the others', () => heard.includes('open'))
    assert.ok(!heard.includes('closed'))
  })
}
