import assert from 'node:assert/strict'

import type { BusChange } from '../../contract/bus.ts'
import { wantedSets } from './bus-session.ts'
import type { Told } from './recorded-listener.ts'
import type { BusSuite } from './suite.ts'

const oddKeys: readonly string[] = [
  "tw:1:a:it's",
  'tw:1:a:"quoted"',
  'tw:1:a:back\\slash',
  'tw:1:a:nul\0',
  'tw:1:a:é and e\u0301',
  'tw:1:a:\u{1f9ca}',
  'tw:1:a:{braces}',
  'tw:1:a:line\nbreak',
  'tw:1:a:__proto__',
]

export function tellingTests(suite: BusSuite): void {
  orderTests(suite)
  shapeTests(suite)
}

function orderTests({ test }: BusSuite): void {
  test('numbers its lanes from zero and knows the lane of each key and of tags', async (session) => {
    const { bus } = await session.join()
    assert.ok(Number.isSafeInteger(bus.lanes) && bus.lanes > 0)
    const lanes = [bus.tagLane, ...oddKeys.map((key) => bus.laneOf(key))]
    for (const lane of lanes) assert.ok(Number.isSafeInteger(lane) && lane >= 0 && lane < bus.lanes, `lane ${lane}`)
    assert.equal(bus.laneOf('tw:1:a:b'), bus.laneOf('tw:1:a:b'))
  })

  test('tells all others of a change, once', async (session) => {
    const [writer, one, other] = [await session.listening(), await session.listening(), await session.listening()]
    const [change] = await writer.change([{ operation: 'set', key: 'tw:1:a:steel' }])
    assert.ok(change?.kind === 'key' && change.version > 0)
    for (const each of [one, other]) await session.told(each, [change])
  })

  test('tells the changes of a key in their order', async (session) => {
    const [writer, listener] = [await session.listening(), await session.listening()]
    const made: BusChange[] = []
    for (let round = 0; round < 50; round++) {
      const operation = round % 3 === 2 ? 'delete' : 'set'
      made.push(...(await writer.change([{ operation, key: 'tw:1:a:steel' }])))
    }
    await session.told(listener, made)
    const versions = made.map((change) => (change.kind === 'key' ? change.version : 0))
    assert.deepEqual(
      versions,
      versions.toSorted((a, b) => a - b),
    )
  })
}

function shapeTests({ test }: BusSuite): void {
  test('tells many changes at once', async (session) => {
    const [writer, listener] = [await session.listening(), await session.listening()]
    const made = await writer.change(wantedSets('tw:1:a:a key of an ordinary length ', 1500))
    assert.equal(made.length, 1500)
    await session.told(listener, made)
  })

  test('tells odd keys as they are', async (session) => {
    const [writer, listener] = [await session.listening(), await session.listening()]
    await session.told(listener, await writer.change(oddKeys.map((key) => ({ operation: 'set', key }))))
  })

  test('tells of a key as long as keys can be, or that changes are lost', async (session) => {
    const [writer, listener] = [await session.listening(), await session.listening()]
    const key = `tw:1:a:${'\u{1f9ca}'.repeat(2048)}`
    const before = listener.listener.told.length
    const made = await writer.change([{ operation: 'set', key }])
    const news = (): readonly Told[] => listener.listener.told.slice(before).filter((each) => each.kind !== 'confirmed')
    await session.until('hearing of a long key', () => news().length > 0)
    const [first] = news()
    if (first?.kind === 'changed') assert.deepEqual(first.change, made[0])
    else assert.deepEqual([first?.kind, first?.lane], ['lost', listener.bus.laneOf(key)])
  })

  test('tells tags with the clock that they got, in the lane of tags', async (session) => {
    const [writer, listener] = [await session.listening(), await session.listening()]
    const first = await writer.change([{ operation: 'tags', names: ['a:red', 'a', ''] }])
    const second = await writer.change([{ operation: 'tags', names: ["b:it's é\0"] }])
    await session.until('telling two tag changes', () => listener.listener.changes.length >= 2)
    assert.deepEqual(listener.listener.changes, [...first, ...second])
    const [one, other] = [...first, ...second]
    assert.ok(one?.kind === 'tags' && other?.kind === 'tags' && other.clock > one.clock)
    const lanes = listener.listener.told.flatMap((each) => (each.kind === 'changed' ? [each.lane] : []))
    assert.deepEqual(new Set(lanes), new Set([listener.bus.tagLane]))
  })

  test('does not tell an instance of its own changes', async (session) => {
    const [writer, listener] = [await session.listening(), await session.listening()]
    const made = await writer.change([{ operation: 'set', key: 'tw:1:a:own' }])
    await writer.change([{ operation: 'tags', names: ['a:own'] }])
    await session.until('telling the other', () => listener.listener.changes.length >= made.length + 1)
    await session.confirmed(writer.bus, writer.listener)
    assert.deepEqual(writer.listener.changes, [])
  })
}
