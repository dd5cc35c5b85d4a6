import assert from 'node:assert/strict'

import type { TierSuite } from './suite.ts'

const oddTags: readonly string[] = [
  '__proto__',
  'constructor',
  'a:b',
  'a b',
  '*',
  "it's",
  'nul\0',
  'é',
  'e\u0301',
  '\u{1f9ca}',
  '1',
  'Tag',
  'tag',
]

export function tagTests(suite: TierSuite): void {
  if (suite.capabilities.tags) {
    clockTests(suite)
    markTests(suite)
  } else {
    undeclaredTests(suite)
  }
}

function undeclaredTests({ test }: TierSuite): void {
  test('offers no tag store, as it does not declare tags', async (session) => {
    assert.equal(session.tier.tags, undefined)
  })
}

function clockTests({ test }: TierSuite): void {
  test('starts without marks', async (session) => {
    const { clock, marks } = await session.tags.load()
    assert.ok(Number.isSafeInteger(clock) && clock >= 0)
    assert.equal(marks.size, 0)
  })

  test('raises the clock with each invalidation and marks the tags with it', async (session) => {
    const first = await session.tags.invalidate(['red', 'green'], 0)
    const second = await session.tags.invalidate(['green', 'blue'], 0)
    assert.ok(second > first, `${second} comes after ${first}`)
    const { clock, marks } = await session.tags.load()
    assert.equal(clock, second)
    assert.deepEqual(
      new Map(marks),
      new Map([
        ['red', first],
        ['green', second],
        ['blue', second],
      ]),
    )
  })

  test('loads the marks later than an instant', async (session) => {
    const first = await session.tags.invalidate(['red', 'green'], 0)
    const second = await session.tags.invalidate(['green'], 0)
    assert.deepEqual(await session.tags.load(first).then(({ marks }) => marks), new Map([['green', second]]))
    assert.deepEqual(await session.tags.load(second).then(({ marks }) => marks), new Map())
    assert.equal((await session.tags.load(second)).clock, second)
  })

  test('raises the clock without a tag', async (session) => {
    const { clock } = await session.tags.load()
    assert.ok((await session.tags.invalidate([], clock + 1000)) >= clock + 1000)
    assert.equal((await session.tags.load()).marks.size, 0)
  })

  test('trusts entries that record the clock from now on', async (session) => {
    const { clock, floor = 0 } = await session.tags.load()
    assert.ok(floor <= clock, 'the floor is not above the clock')
  })

  test('never sets the clock to less than it is asked for, and never back', async (session) => {
    const { clock } = await session.tags.load()
    const raised = await session.tags.invalidate(['red'], clock + 1_000_000)
    assert.ok(raised >= clock + 1_000_000)
    const next = await session.tags.invalidate(['blue'], 5)
    assert.ok(next > raised, 'a lower demand does not lower the clock')
    assert.equal((await session.tags.load()).marks.get('red'), raised)
  })

  test('gives parallel invalidations different instants', async (session) => {
    const tags = Array.from({ length: 30 }, (_, index) => `tag${index}`)
    const instants = await Promise.all(tags.map((tag) => session.tags.invalidate([tag, 'common'], 0)))
    assert.equal(new Set(instants).size, tags.length)
    const { clock, marks } = await session.tags.load()
    assert.equal(clock, Math.max(...instants))
    assert.equal(marks.get('common'), clock, 'a mark is never lowered')
    assert.deepEqual(
      tags.map((tag) => marks.get(tag)),
      instants,
    )
  })
}

function markTests({ test }: TierSuite): void {
  test('takes odd tags as they are', async (session) => {
    const instants: number[] = []
    for (const tag of oddTags) instants.push(await session.tags.invalidate([tag], 0))
    const { marks } = await session.tags.load()
    assert.deepEqual(
      oddTags.map((tag) => marks.get(tag)),
      instants,
    )
    assert.equal(marks.size, oddTags.length)
  })

  test('takes many tags and repeated tags in one invalidation', async (session) => {
    const tags = Array.from({ length: 500 }, (_, index) => `tag${index}`)
    const instant = await session.tags.invalidate([...tags, ...tags], 0)
    const { marks } = await session.tags.load()
    assert.equal(marks.size, 500)
    assert.deepEqual(new Set(marks.values()), new Set([instant]))
  })

  test('keeps the marks when records are cleared', async (session) => {
    const instant = await session.tags.invalidate(['red'], 0)
    await session.put('tw:users:1')
    await session.clear('tw:')
    const { clock, marks } = await session.tags.load()
    assert.deepEqual([clock, marks.get('red')], [instant, instant])
  })
}
