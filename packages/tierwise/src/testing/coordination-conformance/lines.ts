import assert from 'node:assert/strict'

import type { CoordinationSession } from './coordination-session.ts'
import { aheadOf, fenceOf, longMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const long = { ttlMs: longMs }
const waiting = { ttlMs: longMs, waitMs: longMs }

export function lineTests(suite: CoordinationSuite): void {
  orderTests(suite)
  leavingTests(suite)
  tellingTests(suite)
}

function orderTests({ test }: CoordinationSuite): void {
  test('grants in the order of the line', async (session) => {
    const { store, other } = session
    await standing(session, 'x', 'y', 'z')
    await store.release('a', 'x')
    assert.equal(aheadOf(await other.acquire('a', 'z', waiting)), 1)
    fenceOf(await store.acquire('a', 'y', waiting))
    assert.equal(aheadOf(await other.acquire('a', 'z', waiting)), 0)
    await store.release('a', 'y')
    fenceOf(await other.acquire('a', 'z', waiting))
  })

  test('keeps a place when its owner asks again', async (session) => {
    const { store, other } = session
    await standing(session, 'x', 'y', 'z')
    for (const handle of [store, other]) {
      assert.equal(aheadOf(await handle.acquire('a', 'z', waiting)), 1)
      assert.equal(aheadOf(await handle.acquire('a', 'y', waiting)), 0)
    }
  })

  test('grants nothing to who has not stood in the line', async (session) => {
    const { store, other } = session
    await standing(session, 'x', 'y', 'z')
    await store.release('a', 'x')
    const answer = await other.acquire('a', 'w', long)
    assert.equal(aheadOf(answer), 2)
    assert.ok(answer.kind === 'busy' && answer.leftMs > 0 && answer.leftMs <= longMs)
    fenceOf(await other.acquire('a', 'y', long))
  })

  test('puts nobody in the line who does not want to wait', async ({ store, other }) => {
    await store.acquire('a', 'x', long)
    aheadOf(await other.acquire('a', 'y', long))
    assert.equal(aheadOf(await other.acquire('a', 'z', waiting)), 0)
    await store.release('a', 'x')
    fenceOf(await other.acquire('a', 'z', waiting))
  })

  test('grants it to the holder again while others wait', async (session) => {
    const { store } = session
    await standing(session, 'x', 'y')
    fenceOf(await store.acquire('a', 'x', waiting))
    assert.equal(aheadOf(await store.acquire('a', 'y', waiting)), 0)
  })
}

function leavingTests({ test }: CoordinationSuite): void {
  test('skips who has given up', async (session) => {
    const { store, other } = session
    await store.acquire('a', 'x', long)
    aheadOf(await store.acquire('a', 'y', { ttlMs: longMs, waitMs: session.livelyMs }))
    assert.equal(aheadOf(await other.acquire('a', 'z', waiting)), 1)
    await session.pass(session.livelyMs)
    assert.equal(aheadOf(await other.acquire('a', 'z', waiting)), 0)
    assert.equal(aheadOf(await store.acquire('a', 'y', waiting)), 1, 'who comes back stands behind')
    await store.release('a', 'x')
    fenceOf(await other.acquire('a', 'z', waiting))
  })

  test('keeps who asks again in the line for so long from then on', async (session) => {
    const { store, other } = session
    await store.acquire('a', 'x', long)
    await store.acquire('a', 'y', { ttlMs: longMs, waitMs: session.livelyMs })
    await store.acquire('a', 'y', waiting)
    await session.pass(session.livelyMs)
    assert.equal(aheadOf(await other.acquire('a', 'z', waiting)), 1)
  })

  test('lets a waiter leave the line', async (session) => {
    const { store, other } = session
    await standing(session, 'x', 'y', 'z')
    assert.equal(await other.release('a', 'y'), false, 'nothing was held')
    assert.equal(aheadOf(await store.acquire('a', 'z', waiting)), 0)
    aheadOf(await store.acquire('a', 'w', long))
    await store.release('a', 'x')
    fenceOf(await other.acquire('a', 'z', waiting))
  })

  test('passes on to the line when a tenure ends by itself', async (session) => {
    const { store, other } = session
    await store.acquire('a', 'x', { ttlMs: session.livelyMs })
    await other.acquire('a', 'y', waiting)
    await session.pass(session.livelyMs)
    assert.equal(aheadOf(await store.acquire('a', 'x', long)), 1)
    fenceOf(await other.acquire('a', 'y', waiting))
  })

  test('forgets a place when it has become a tenure', async (session) => {
    const { store, other } = session
    await standing(session, 'x', 'y')
    await store.release('a', 'x')
    fenceOf(await other.acquire('a', 'y', waiting))
    await other.release('a', 'y')
    fenceOf(await store.acquire('a', 'z', long))
  })
}

function tellingTests({ test }: CoordinationSuite): void {
  test('tells that a tenure was given up, from every handle to every handle', async (session) => {
    for (const [index, handle] of session.handles.entries()) {
      const key = `{lock} ${index}: é`
      const heard = session.handles.map(() => 0)
      const subscriptions = await Promise.all(
        session.handles.map((each, at) =>
          each.subscribe(`released:${key}`, () => void (heard[at] = (heard[at] ?? 0) + 1)),
        ),
      )
      await handle.acquire(key, 'x', long)
      await handle.acquire(key, 'y', waiting)
      await handle.release(key, 'x')
      await session.until('the news of a release', () => heard.every((times) => times > 0))
      for (const subscription of subscriptions) await subscription.close()
    }
  })
}

/** The first holds the key `a`, the others stand in line. */
async function standing({ store, other }: CoordinationSession, holder: string, ...line: string[]): Promise<void> {
  fenceOf(await store.acquire('a', holder, long))
  for (const [index, owner] of line.entries()) {
    assert.equal(aheadOf(await (index % 2 === 0 ? other : store).acquire('a', owner, waiting)), index)
  }
}
