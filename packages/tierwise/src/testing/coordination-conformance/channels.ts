import assert from 'node:assert/strict'

import { assertSameTexts, shown } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const oddTexts: readonly string[] = [
  '',
  ' ',
  'é日\u{1f9ca}',
  'line\r\nbreak',
  '{"a":[1]}',
  "'; select 1 --",
  'x'.repeat(2000),
]

export function channelTests(suite: CoordinationSuite): void {
  tellingTests(suite)
  endingTests(suite)
}

function tellingTests({ test }: CoordinationSuite): void {
  test('tells all who listen, from every handle', async (session) => {
    const heard: string[][] = []
    for (const handle of [...session.handles, session.store]) {
      const texts: string[] = []
      heard.push(texts)
      await handle.subscribe('news', (text) => void texts.push(text))
    }
    await session.race(session.handles.length, (store, index) => store.publish('news', `text ${index}`))
    const expected = session.handles.map((_, index) => `text ${index}`)
    await session.until('telling all', () => heard.every((texts) => texts.length >= expected.length))
    for (const texts of heard) assertSameTexts(texts, expected, 'each text once')
  })

  test('tells texts and channels as they are', async (session) => {
    const heard: string[] = []
    for (const odd of oddTexts) {
      const channel = `channel ${odd}`
      const subscription = await session.other.subscribe(channel, (text) => void heard.push(text))
      await session.store.publish(channel, odd)
      await session.until(`telling ${shown(odd)}`, () => heard.length > 0)
      assert.deepEqual(heard.splice(0), [odd])
      await subscription.close()
    }
  })

  test('tells nobody who listens to something else', async (session) => {
    const heard: string[] = []
    for (const channel of ['new', 'news ', 'News', 'news:a', 'n*', 'new?']) {
      await session.other.subscribe(channel, () => void heard.push(channel))
    }
    const done: string[] = []
    await session.other.subscribe('news', (text) => void done.push(text))
    await session.store.publish('news', 'one')
    await session.until('telling', () => done.length > 0)
    await session.store.publish('news', 'two')
    await session.until('telling', () => done.length > 1)
    assert.deepEqual([heard, done], [[], ['one', 'two']])
  })

  test('tells nothing later to who did not listen', async (session) => {
    const heard: string[] = []
    await session.store.publish('news', 'early')
    await session.other.subscribe('news', (text) => void heard.push(text))
    await session.store.publish('news', 'late')
    await session.until('telling', () => heard.includes('late'))
    assert.deepEqual(heard, ['late'])
  })

  test('is no key', async ({ store }) => {
    await store.subscribe('a', () => undefined)
    await store.publish('a', 'one')
    assert.equal(await store.read('a'), undefined)
    assert.deepEqual(await store.remove('a'), { removed: false, before: undefined })
  })
}

function endingTests({ test }: CoordinationSuite): void {
  test('tells nothing after a subscription was closed, and everything to the others', async (session) => {
    const [ended, going]: [string[], string[]] = [[], []]
    const first = await session.other.subscribe('news', (text) => void ended.push(text))
    await session.other.subscribe('news', (text) => void going.push(text))
    await session.store.publish('news', 'one')
    await session.until('telling', () => ended.length > 0 && going.length > 0)
    await first.close()
    await first.close()
    await session.store.publish('news', 'two')
    await session.until('telling the one who still listens', () => going.length > 1)
    assert.deepEqual([ended, going], [['one'], ['one', 'two']])
  })

  test('tells who listens again', async (session) => {
    const heard: string[] = []
    const listen = (text: string): void => void heard.push(text)
    const first = await session.other.subscribe('news', listen)
    await first.close()
    await session.store.publish('news', 'between')
    await session.other.subscribe('news', listen)
    await first.close()
    await session.store.publish('news', 'after')
    await session.until('telling', () => heard.includes('after'))
    assert.deepEqual(heard, ['after'])
  })

  test('tells the same function once for each subscription', async (session) => {
    const heard: string[] = []
    const listen = (text: string): void => void heard.push(text)
    const first = await session.store.subscribe('news', listen)
    await session.store.subscribe('news', listen)
    await session.other.publish('news', 'one')
    await session.until('telling twice', () => heard.length === 2)
    await first.close()
    await session.other.publish('news', 'two')
    await session.until('telling once', () => heard.length > 2)
    assert.deepEqual(heard, ['one', 'one', 'two'])
  })
}
