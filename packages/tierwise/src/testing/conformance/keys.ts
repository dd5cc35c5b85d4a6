import assert from 'node:assert/strict'

import type { TierSuite } from './suite.ts'

/** Keys that are told apart only by a store that takes them as they are. */
export const oddKeys: readonly string[] = [
  'tw::a',
  'tw:a:',
  'tw:a::',
  ':',
  'tw:users',
  'tw:users:1',
  'tw:users:01',
  'tw:users:1 ',
  ' tw:users:1',
  'tw:users:',
  'tw/users/1',
  'tw/users/../users/1',
  '../../tw',
  'tw\\users\\1',
  'tw:*',
  'tw:?',
  'tw:[ab]',
  'tw:{ab}',
  'tw:%',
  'tw:_',
  "tw:'; drop table entries; --",
  'tw:"quoted"',
  'tw:A',
  'tw:a',
  '1',
  '-1',
  '__proto__',
  'constructor',
  'toString',
  'tw:line\nbreak',
  'tw:line\r\nbreak',
  'tw:tab\t',
  'tw:nul\0',
  'tw:nul\0\0',
  'tw:nul',
  'tw:é',
  'tw:e\u0301',
  'tw:日本語',
  'tw:\u{1f9ca}',
  'tw:\u{10ffff}',
  'tw:\uffff',
  `tw:${'x'.repeat(297)}`,
  `tw:${'x'.repeat(296)}y`,
  `tw:${'x'.repeat(3997)}`,
  `tw:${'x'.repeat(3996)}y`,
  `tw:${'ü'.repeat(3997)}`,
]

export function keyTests({ test, options }: TierSuite): void {
  test('takes odd keys as they are', async (session) => {
    for (const key of oddKeys) {
      await session.put(key, { text: `only ${key}` })
      assert.equal(await session.read(key), `only ${key}`, `reads ${shown(key)}`)
      assert.deepEqual(await session.delete([key]), [true], `deletes ${shown(key)}`)
      assert.equal(await session.read(key), undefined, `has deleted ${shown(key)}`)
    }
  })

  test('never mixes up keys that look alike', async (session) => {
    await session.putAll(oddKeys)
    const texts = await session.readAll(oddKeys)
    for (const [index, key] of oddKeys.entries()) {
      assert.equal(texts[index], `text of ${key}`, `holds ${shown(key)} beside the others`)
    }
    for (const [index, key] of oddKeys.entries()) {
      assert.deepEqual(await session.delete([key]), [true], `${shown(key)} outlives the others`)
      const next = oddKeys[index + 1]
      if (next !== undefined) assert.equal(await session.read(next), `text of ${next}`, `${shown(next)} stays`)
    }
  })

  test('finds nothing under the names that every object has', async (session) => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    assert.deepEqual(new Set(await session.readAll(names)), new Set([undefined]))
    assert.deepEqual(new Set(await session.delete(names)), new Set([false]))
  })

  if (options.loneSurrogates) {
    test('keeps unpaired surrogates apart', async (session) => {
      const keys = ['tw:\ud83e', 'tw:\ud83f', 'tw:\uddca', 'tw:\ufffd']
      await session.putAll(keys)
      assert.deepEqual(
        await session.readAll(keys),
        keys.map((key) => `text of ${key}`),
      )
    })
  }
}

function shown(key: string): string {
  return key.length <= 40 ? JSON.stringify(key) : `a key of ${key.length} characters`
}
