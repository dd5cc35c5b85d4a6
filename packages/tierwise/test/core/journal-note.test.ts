import { describe, expect, test } from 'vitest'

import { readOwed, readPlace, writeOwed, writePlace } from '../../src/core/journal/journal-note.ts'

describe('a note of the journal', () => {
  test('says what is owed, whatever the keys look like', () => {
    const owed = {
      keys: [
        { key: 'tw:1:n:"\u0000é\u{1f9ca}', prefix: 'tw:1:n:', version: Infinity },
        { key: 'plain', prefix: '', version: 2 ** 52 + 1 },
      ],
      clears: [{ prefix: 'tw:1:n:', version: 3 }],
    }
    expect(readOwed(writeOwed(owed))).toEqual(owed)
  })

  test('says how far the bus was heard', () => {
    const place = { position: '{"0":[12,"id"]}', floors: [0, 2 ** 52 + 1] }
    expect(readPlace(writePlace(place), 2)).toEqual(place)
  })

  test('of a bus with other lanes says nothing', () => {
    const note = writePlace({ position: '{"0":[12,"id"]}', floors: [5] })
    expect(readPlace(note, 2)).toBe(undefined)
  })

  test.each(['', 'null', '[]', '{"format":2,"position":"","floors":[]}', '{"format":1,"position":1,"floors":[]}'])(
    'that reads %j says nothing',
    (text) => {
      const note = new TextEncoder().encode(text)
      expect([readPlace(note, 0), readOwed(note)]).toEqual([undefined, undefined])
    },
  )
})
