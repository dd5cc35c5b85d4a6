import assert from 'node:assert/strict'

import { assertSameMembers, numbered } from './tier-session.ts'
import type { TierSuite } from './suite.ts'

const oddNames: readonly string[] = ['a', 'a/b', 'a b', '*', 'é', '\u{1f9ca}', 'nul\0', '__proto__', 'x'.repeat(3000)]

export function noteTests(suite: TierSuite): void {
  if (suite.capabilities.notes === true) {
    keepingTests(suite)
    if (suite.capabilities.durable) survivalTests(suite)
  } else {
    undeclaredTests(suite)
  }
}

function undeclaredTests({ test }: TierSuite): void {
  test('offers no note store, as it does not declare notes', async (session) => {
    assert.equal(session.tier.notes, undefined)
  })
}

function keepingTests({ test }: TierSuite): void {
  test('starts without notes', async ({ notes }) => {
    assert.deepEqual(await notes.names(''), [])
    assert.equal(await notes.get('a'), undefined)
  })

  test('gives a note back, replaces and removes it', async ({ notes }) => {
    await notes.set('a', Uint8Array.of(1, 2, 3))
    assert.deepEqual(await bytesOf(notes.get('a')), [1, 2, 3])
    await notes.set('a', Uint8Array.of(4))
    assert.deepEqual(await bytesOf(notes.get('a')), [4])
    await notes.set('a', undefined)
    await notes.set('never set', undefined)
    assert.equal(await notes.get('a'), undefined)
    assert.deepEqual(await notes.names(''), [])
  })

  test('keeps its own copy of the bytes', async ({ notes }) => {
    const bytes = Uint8Array.of(1, 2)
    await notes.set('a', bytes)
    bytes.fill(9)
    const first = await notes.get('a')
    first?.fill(8)
    assert.deepEqual(await bytesOf(notes.get('a')), [1, 2])
  })

  test('takes odd names, and notes that are empty or large', async ({ notes }) => {
    for (const [size, name] of oddNames.entries()) await notes.set(name, new Uint8Array(size).fill(size))
    for (const [size, name] of oddNames.entries())
      assert.deepEqual(
        await bytesOf(notes.get(name)),
        Array.from({ length: size }, () => size),
      )
    assertSameMembers(await notes.names(''), oddNames)
    await notes.set('large', new Uint8Array(1_000_000).fill(7))
    assert.equal((await notes.get('large'))?.byteLength, 1_000_000)
  })

  test('lists the names of a prefix', async ({ notes }) => {
    const names = [...numbered('a/', 3), 'a', 'b/1', 'ab']
    await Promise.all(names.map((name) => notes.set(name, Uint8Array.of(0))))
    assertSameMembers(await notes.names('a/'), numbered('a/', 3))
    assertSameMembers(await notes.names('a'), [...numbered('a/', 3), 'a', 'ab'])
    assert.deepEqual(await notes.names('c'), [])
  })

  test('keeps notes and records apart', async (session) => {
    await session.notes.set('tw:a', Uint8Array.of(1))
    await session.put('tw:b')
    await session.clear('tw:')
    assert.equal(await session.read('tw:a'), undefined)
    assert.deepEqual(await session.notes.names('tw:'), ['tw:a'])
  })

  test('refuses when it is closed', async (session) => {
    const { notes } = session
    await session.tier.close()
    await assert.rejects(notes.set('a', Uint8Array.of(1)), { code: 'ERR_CACHE_TIER_CLOSED' })
    await assert.rejects(notes.get('a'), { code: 'ERR_CACHE_TIER_CLOSED' })
    await assert.rejects(notes.names(''), { code: 'ERR_CACHE_TIER_CLOSED' })
  })
}

function survivalTests({ test }: TierSuite): void {
  test('keeps notes over a restart', async (session) => {
    await session.notes.set('a', Uint8Array.of(1))
    await session.notes.set('b', Uint8Array.of(2))
    await session.notes.set('b', undefined)
    await session.tier.close()
    await session.openAgain()
    assert.deepEqual(await session.notes.names(''), ['a'])
    assert.deepEqual(await bytesOf(session.notes.get('a')), [1])
  })

  test('shows notes to whoever opens the store without waiting for its end', async (session) => {
    await session.notes.set('a', Uint8Array.of(1))
    await session.openAgain()
    assert.deepEqual(await bytesOf(session.notes.get('a')), [1])
  })
}

async function bytesOf(note: Promise<Uint8Array | undefined>): Promise<number[] | undefined> {
  const bytes = await note
  return bytes && [...bytes]
}
