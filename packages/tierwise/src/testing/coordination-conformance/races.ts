import assert from 'node:assert/strict'

import type { CoordinationStore, LimitRule } from '../../contract/coordination.ts'
import { fenceOf, longMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const times = 60
const hourMs = 3_600_000

/** The same step many times at once, from several handles: one of them is first, and all agree on which. */
export function raceTests(suite: CoordinationSuite): void {
  textRaces(suite)
  collectionRaces(suite)
  tenureRaces(suite)
  limitRaces(suite)
}

function textRaces({ test }: CoordinationSuite): void {
  test('writes one of many where nothing may be', async (session) => {
    const answers = await session.race(times, (store, index) => store.write('a', `${index}`, { onlyIf: 'absent' }))
    const winners = answers.flatMap(({ written }, index) => (written ? [`${index}`] : []))
    assert.deepEqual(winners, [(await session.store.read('a'))?.value])
    for (const { written, before } of answers) assert.equal(before?.value, written ? undefined : winners[0])
  })

  test('writes one of many over the same text', async (session) => {
    await session.store.write('a', 'start', {})
    const answers = await session.race(times, (store, index) =>
      store.write('a', `${index}`, { onlyIf: { is: 'start' }, ttlMs: longMs }),
    )
    const winners = answers.flatMap(({ written }, index) => (written ? [`${index}`] : []))
    assert.deepEqual(winners, [(await session.store.read('a'))?.value])
  })

  test('hands each text on once', async (session) => {
    const answers = await session.race(times, (store, index) => store.write('a', `${index}`, {}))
    const last = (await session.store.read('a'))?.value ?? ''
    const seen = answers.map(({ before }) => before?.value).filter((value) => value !== undefined)
    assert.equal(new Set([...seen, last]).size, times, 'each text was replaced by one write, or is the last')
  })

  test('removes a text for one of many', async (session) => {
    await session.store.write('a', 'one', {})
    const answers = await session.race(times, (store, index) =>
      store.remove('a', index % 2 === 0 ? { is: 'one' } : undefined),
    )
    assert.deepEqual(
      answers.filter(({ removed }) => removed),
      [{ removed: true, before: 'one' }],
    )
  })

  test('adds up exactly', async (session) => {
    const sums = await session.race(times, async (store, index) => (await store.add('a', index + 1, longMs)).value)
    const sum = (times * (times + 1)) / 2
    assert.equal((await session.store.read('a'))?.value, String(sum))
    assert.equal(new Set(sums).size, times, 'no two see the same sum')
    assert.equal(Math.max(...sums), sum)
  })

  test('raises to the largest of many', async (session) => {
    const order = session.random.shuffle(Array.from({ length: times }, (_, index) => index + 1))
    const answers = await session.race(times, (store, index) => store.raise('a', order[index] as number))
    assert.equal((await session.store.read('a'))?.value, String(times), `seed ${session.random.seed}`)
    for (const [index, { value, raised }] of answers.entries()) {
      assert.ok(raised ? value === order[index] : value >= (order[index] as number), 'each hears of what is larger')
    }
  })
}

function collectionRaces({ test }: CoordinationSuite): void {
  test('lets each member enter, and leave, once', async (session) => {
    const name = (index: number): string => `member ${index % 5}`
    const entered = await session.race(times, (store, index) =>
      store.enter('a', [{ member: name(index), ttlMs: longMs }]),
    )
    assert.equal(entered.flat().filter(Boolean).length, 5)
    assert.equal(await session.other.size('a'), 5)
    const left = await session.race(times, (store, index) => store.leave('a', [name(index)]))
    assert.equal(left.flat().filter(Boolean).length, 5)
    assert.equal(await session.other.size('a'), 0)
  })

  test('takes members in any order without a deadlock', async (session) => {
    const names = Array.from({ length: 12 }, (_, index) => `member ${index}`)
    const orders = Array.from({ length: times }, () => session.random.shuffle(names))
    const entered = await session.race(times, (store, index) =>
      store.enter(
        'a',
        (orders[index] as string[]).map((member) => ({ member })),
      ),
    )
    assert.equal(entered.flat().filter(Boolean).length, names.length, `seed ${session.random.seed}`)
  })

  test('keeps the fields of all', async (session) => {
    await session.race(times, (store, index) =>
      store.setFields('a', { [`field ${index}`]: `${index}`, last: `${index}` }),
    )
    assert.equal(Object.keys((await session.store.fields('a')) ?? {}).length, times + 1)
  })

  test('keeps the highest of all', async (session) => {
    const order = session.random.shuffle(Array.from({ length: times }, (_, index) => index))
    await session.race(times, (store, index) => {
      const score = order[index] as number
      return store.rank('a', [{ member: `member ${score}`, score }], { keep: 3 })
    })
    const highest = (await session.store.ranked('a')).map(({ score }) => score)
    assert.deepEqual(highest, [times - 3, times - 2, times - 1], `seed ${session.random.seed}`)
    const removed = await session.race(times, (store) => store.unrank('a', { min: 0 }))
    assert.equal(
      removed.reduce((sum, each) => sum + each, 0),
      3,
    )
  })
}

function tenureRaces({ test }: CoordinationSuite): void {
  test('grants a tenure to one of many', async (session) => {
    const answers = await session.race(times, (store, index) => store.acquire('a', `owner ${index}`, { ttlMs: longMs }))
    assert.equal(answers.filter(({ kind }) => kind === 'granted').length, 1)
    const released = await session.race(times, (store, index) => store.release('a', `owner ${index}`))
    assert.equal(released.filter(Boolean).length, 1)
  })

  test('gives each in the line a place of their own', async (session) => {
    await session.store.acquire('a', 'holder', { ttlMs: longMs })
    const waiting = { ttlMs: longMs, waitMs: longMs }
    const answers = await session.race(20, (store, index) => store.acquire('a', `owner ${index}`, waiting))
    const places = answers.map((answer) => (answer.kind === 'busy' ? answer.ahead : -1)).sort((a, b) => a - b)
    assert.deepEqual(
      places,
      Array.from({ length: 20 }, (_, index) => index),
    )
  })

  test('has one holder at a time, each with a larger fence', async (session) => {
    let holders = 0
    const fences: number[] = []
    const work = async (store: CoordinationStore, owner: string): Promise<void> => {
      for (let turn = 0; turn < 3; turn++) {
        await session.until('a tenure', async () => {
          const answer = await store.acquire('a', owner, { ttlMs: longMs, waitMs: longMs })
          if (answer.kind === 'busy') return false
          holders++
          assert.equal(holders, 1, 'nobody else holds it')
          fences.push(fenceOf(answer))
          return true
        })
        holders--
        await store.release('a', owner)
      }
    }
    await session.race(6, (store, index) => work(store, `owner ${index}`))
    assert.equal(fences.length, 18)
    assert.ok(
      fences.every((fence, index) => index === 0 || fence > (fences[index - 1] as number)),
      fences.join(' '),
    )
  })
}

function limitRaces({ test }: CoordinationSuite): void {
  const rules: readonly LimitRule[] = [
    { kind: 'bucket', capacity: 25, limit: 1, periodMs: hourMs },
    { kind: 'fixed-window', limit: 25, periodMs: hourMs },
    { kind: 'sliding-window', limit: 25, periodMs: hourMs },
  ]
  for (const rule of rules) {
    test(`allows exactly the limit: ${rule.kind}`, async (session) => {
      const answers = await session.race(times, (store) => store.take('a', rule, { cost: 1 }))
      assert.equal(answers.filter(({ allowed }) => allowed).length, 25)
      const left = answers.flatMap(({ allowed, remaining }) => (allowed ? [remaining] : [])).sort((a, b) => a - b)
      assert.deepEqual(
        left,
        Array.from({ length: 25 }, (_, index) => index),
        'no two take the same unit',
      )
      const large = await session.race(times, (store) => store.take('b', rule, { cost: 4 }))
      assert.equal(large.filter(({ allowed }) => allowed).length, 6)
    })
  }
}
