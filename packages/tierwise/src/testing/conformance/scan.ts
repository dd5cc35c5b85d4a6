import assert from 'node:assert/strict'

import type { Tier, TierUsage } from '../../contract/tier.ts'
import { TierError } from '../../errors.ts'
import { oddKeys } from './keys.ts'
import type { TierSuite } from './suite.ts'
import { assertSameMembers, numbered, parse } from './tier-session.ts'

/** Prefixes that a pattern language would read as more, and a key that only such a reading would find. */
export const patternPrefixes: readonly (readonly [prefix: string, bait: string])[] = [
  ['tw:*:', 'tw:any:bait'],
  ['tw:?:', 'tw:x:bait'],
  ['tw:[ab]:', 'tw:a:bait'],
  ['tw:\\*:', 'tw:*:bait'],
  ['tw:%:', 'tw:percent:bait'],
  ['tw:_:', 'tw:u:bait'],
  ['tw:.+:', 'tw:...:bait'],
  ['tw:\u{1f9ca}', 'tw:\u{1f9cb}bait'],
]

export function scanTests(suite: TierSuite): void {
  if (suite.capabilities.scan) {
    prefixTests(suite)
    harmlessTests(suite)
    changeTests(suite)
  } else {
    undeclaredTests(suite)
  }
}

function prefixTests({ test }: TierSuite): void {
  test('visits the records under a prefix, each once, and no other', async (session) => {
    const inside = ['tw:users:', 'tw:users:1', 'tw:users:2:x', 'tw:users:\0', 'tw:users:\uffff', 'tw:users:\u{10ffff}z']
    await session.putAll([...inside, 'tw:users', 'tw:users2:1', 'tw:user', 'tw:users;', 'tw:users9', 'tw:orders:1'])
    assertSameMembers(await session.scanKeys('tw:users:'), inside)
    assert.deepEqual(await session.scanKeys('tw:nothing:'), [])
  })

  test('takes every character of a prefix as it is', async (session) => {
    for (const [prefix, bait] of patternPrefixes) {
      await session.putAll([`${prefix}1`, bait])
      const found = await session.scanKeys(prefix)
      assert.ok(found.includes(`${prefix}1`), `${prefix} finds its own key`)
      assert.ok(!found.includes(bait), `${prefix} does not find ${bait}`)
    }
  })

  test('visits odd keys', async (session) => {
    const keys = oddKeys.map((key) => `tw:odd:${key}`)
    await session.putAll(keys)
    assertSameMembers(await session.scanKeys('tw:odd:'), keys)
  })

  test('visits thousands of records without a gap or a duplicate', async (session) => {
    const keys = numbered('tw:users:', 2500)
    await session.putAll(keys)
    await session.putAll(numbered('tw:users2:', 100))
    assertSameMembers(await session.scanKeys('tw:users:'), keys)
  })
}

function harmlessTests({ test }: TierSuite): void {
  test('visits no deleted record and leaves out what decode returns undefined for', async (session) => {
    await session.putAll(numbered('tw:users:', 6))
    await session.delete(['tw:users:1', 'tw:users:4'])
    const visited: string[] = []
    const even = session.tier.scan('tw:users:', (bytes) => {
      const [key] = parse(bytes)
      return Number(key.at(-1)) % 2 === 0 ? key : undefined
    })
    for await (const key of even) visited.push(key)
    assertSameMembers(visited, ['tw:users:0', 'tw:users:2'])
  })

  test('yields falsy values that decode returns', async (session) => {
    await session.putAll(numbered('tw:users:', 3))
    let visited = 0
    for await (const value of session.tier.scan('tw:users:', () => 0)) visited += value + 1
    assert.equal(visited, 3)
  })

  test('changes nothing', async (session) => {
    const keys = numbered('tw:users:', 50)
    await session.putAll(keys, { expiresAt: session.now + 60_000 })
    const before = await ownUsage(session.tier)
    await session.scanKeys('tw:users:')
    await session.scanKeys('tw:')
    assert.deepEqual(await ownUsage(session.tier), before)
    assert.deepEqual(
      await session.readAll(keys),
      keys.map((key) => `text of ${key}`),
    )
  })
}

function changeTests({ test }: TierSuite): void {
  test('goes on while records come, change and go, and visits the others once', async (session) => {
    const keys = numbered('tw:users:', 600)
    await session.putAll(keys)
    const visited: string[] = []
    for await (const key of session.tier.scan('tw:users:', (bytes) => parse(bytes)[0])) {
      visited.push(key)
      const step = visited.length
      // Only the last hundred keys are touched, and keys that come new.
      if (step % 5 === 0 && step <= 500) {
        await session.delete([`tw:users:${500 + ((step / 5) % 50)}`])
        await session.put(`tw:users:${550 + ((step / 5) % 50)}`, { text: 'changed' })
        await session.put(`tw:users:new${step}`)
      }
      assert.ok(step < 2000, 'the scan comes to an end')
    }
    assert.equal(new Set(visited).size, visited.length, 'no key is visited twice')
    const untouched = keys.slice(0, 500)
    assertSameMembers(
      visited.filter((key) => untouched.includes(key)),
      untouched,
    )
  })

  test('can be left early and run twice at a time', async (session) => {
    const keys = numbered('tw:users:', 300)
    await session.putAll(keys)
    for await (const key of session.tier.scan('tw:users:', (bytes) => parse(bytes)[0])) {
      assert.ok(keys.includes(key))
      break
    }
    const [one, other] = await Promise.all([session.scanKeys('tw:users:'), session.scanKeys('tw:users:1')])
    assertSameMembers(one, keys)
    assertSameMembers(
      other,
      keys.filter((key) => key.startsWith('tw:users:1')),
    )
  })
}

function undeclaredTests({ test }: TierSuite): void {
  test('rejects a scan with a TierError when it is iterated, as it does not declare scan', async (session) => {
    await session.put('tw:users:1')
    const scanned = session.tier.scan('tw:users:', (bytes) => parse(bytes)[0])
    await assert.rejects(async () => {
      for await (const key of scanned) assert.fail(`visited ${key}`)
    }, isTierError)
    assert.equal(await session.read('tw:users:1'), 'sample')
  })
}

function isTierError(error: unknown): boolean {
  return error instanceof TierError
}

/** What the tier holds; the store behind it has a life of its own. */
async function ownUsage(tier: Pick<Tier, 'usage'>): Promise<Omit<TierUsage, 'store'>> {
  const { store: _, ...own } = await tier.usage()
  return own
}
