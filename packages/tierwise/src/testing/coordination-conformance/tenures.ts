import assert from 'node:assert/strict'

import { aheadOf, assertJustBegun, fenceOf, longMs, shortMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const long = { ttlMs: longMs }
const short = { ttlMs: shortMs }

export function tenureTests(suite: CoordinationSuite): void {
  grantTests(suite)
  endTests(suite)
  renewTests(suite)
  fenceTests(suite)
}

function grantTests({ test }: CoordinationSuite): void {
  test('grants what nobody holds, and nothing that somebody else does', async ({ store, other }) => {
    fenceOf(await store.acquire('a', 'x', long))
    const answer = await other.acquire('a', 'y', long)
    assert.equal(aheadOf(answer), 0, 'nobody waits')
    assertJustBegun(answer.kind === 'busy' ? answer.leftMs : 0, longMs)
    fenceOf(await other.acquire('b', 'y', long))
  })

  test('grants it to the holder again, for longer and with the same fence', async (session) => {
    const { store, other } = session
    const fence = fenceOf(await store.acquire('a', 'x', { ttlMs: session.livelyMs }))
    assert.equal(fenceOf(await other.acquire('a', 'x', long)), fence)
    await session.pass(session.livelyMs)
    aheadOf(await other.acquire('a', 'y', long))
    assert.equal(fenceOf(await store.acquire('a', 'x', long)), fence)
  })

  test('grants it to the next when it was given up', async ({ store, other }) => {
    await store.acquire('a', 'x', long)
    assert.equal(await other.release('a', 'x'), true)
    fenceOf(await other.acquire('a', 'y', long))
    aheadOf(await store.acquire('a', 'x', long))
  })

  test('lets nobody give up what somebody else holds', async ({ store, other }) => {
    assert.equal(await store.release('a', 'x'), false)
    await store.acquire('a', 'x', long)
    assert.equal(await other.release('a', 'y'), false)
    assert.equal(await other.release('a', ''), false)
    aheadOf(await other.acquire('a', 'y', long))
    assert.equal(await store.release('a', 'x'), true)
    assert.equal(await store.release('a', 'x'), false)
  })
}

function endTests({ test }: CoordinationSuite): void {
  test('ends a tenure after its life', async (session) => {
    const { store, other } = session
    const first = fenceOf(await store.acquire('a', 'x', short))
    await session.pass(shortMs)
    assert.equal(await store.renew('a', 'x', longMs), false, 'what has ended is not prolonged')
    assert.equal(await store.release('a', 'x'), false, 'what has ended is not given up')
    assert.ok(fenceOf(await other.acquire('a', 'y', long)) > first)
    assert.equal(await store.release('a', 'x'), false, 'who came late takes nothing from the next')
    assert.equal(await store.renew('a', 'x', longMs), false)
    aheadOf(await store.acquire('a', 'x', long))
  })

  test('gives one who had it a new tenure when the old one has ended', async (session) => {
    const { store } = session
    const first = fenceOf(await store.acquire('a', 'x', short))
    await session.pass(shortMs)
    assert.ok(fenceOf(await store.acquire('a', 'x', long)) > first)
  })
}

function renewTests({ test }: CoordinationSuite): void {
  test('renews a tenure, from now on', async (session) => {
    const { store, other } = session
    await store.acquire('a', 'x', { ttlMs: session.livelyMs })
    assert.equal(await other.renew('a', 'x', longMs), true)
    await session.pass(session.livelyMs)
    const answer = await other.acquire('a', 'y', long)
    aheadOf(answer)
    assertJustBegun(answer.kind === 'busy' ? answer.leftMs : 0, longMs)
    assert.equal(await store.renew('a', 'x', session.livelyMs), true)
    await session.pass(session.livelyMs)
    fenceOf(await other.acquire('a', 'y', long))
  })

  test('renews for nobody but the holder', async ({ store, other }) => {
    assert.equal(await store.renew('a', 'x', longMs), false)
    await store.acquire('a', 'x', long)
    assert.equal(await other.renew('a', 'y', longMs), false)
    await store.release('a', 'x')
    assert.equal(await store.renew('a', 'x', longMs), false)
    fenceOf(await other.acquire('a', 'y', long))
  })
}

function fenceTests({ test }: CoordinationSuite): void {
  test('counts fences up over release, expiry and removal', async (session) => {
    const { store, other } = session
    let last = -Infinity
    const grows = (fence: number, after: string): void => {
      assert.ok(fence > last, `the fence ${fence} after ${after} is larger than ${last}`)
      last = fence
    }
    grows(fenceOf(await store.acquire('a', 'x', long)), 'nothing')
    await store.release('a', 'x')
    grows(fenceOf(await store.acquire('a', 'x', long)), 'a release by the same')
    await store.release('a', 'x')
    grows(fenceOf(await other.acquire('a', 'y', short)), 'a release by another')
    await session.pass(shortMs)
    grows(fenceOf(await store.acquire('a', 'x', long)), 'an end')
    assert.equal((await other.remove('a')).removed, true)
    grows(fenceOf(await other.acquire('a', 'y', long)), 'a removal')
  })

  test('takes a tenure away with the key', async ({ store, other }) => {
    await store.acquire('a', 'x', long)
    await other.acquire('a', 'y', { ...long, waitMs: longMs })
    assert.deepEqual(await other.remove('a'), { removed: true, before: undefined })
    assert.equal(await store.renew('a', 'x', longMs), false)
    fenceOf(await other.acquire('a', 'z', long))
  })
}
