import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { compileGlob, escapeGlob } from '../../src/base/glob.ts'

/** The language once more, as plain recursion. Classes are left to the examples. */
function fitsPlainly(pattern: readonly string[], key: readonly string[]): boolean {
  const [sign, ...rest] = pattern
  if (sign === undefined) return key.length === 0
  if (sign === '*') return fitsPlainly(rest, key) || (key.length > 0 && fitsPlainly(pattern, key.slice(1)))
  return key.length > 0 && (sign === '?' || sign === key[0]) && fitsPlainly(rest, key.slice(1))
}

describe('a key pattern', () => {
  test.each([
    ['*', 'anything/at all', true],
    ['user:*', 'user:1', true],
    ['user:*', 'user:', true],
    ['user:*', 'auser:1', false],
    ['*:profile', 'a:b:profile', true],
    ['u?er', 'user', true],
    ['u?er', 'uer', false],
    ['?', '🚀', true],
    ['[abc]x', 'bx', true],
    ['[abc]x', 'dx', false],
    ['[a-c]x', 'bx', true],
    ['[a-c]x', '-x', false],
    ['[^a-c]x', 'dx', true],
    ['[^a-c]x', 'ax', false],
    ['[-a]', '-', true],
    ['[a-]', '-', true],
    ['[]]', ']', false],
    ['[^]]', 'a]', true],
    ['[c-a]x', 'bx', true],
    ['[\\]]', ']', true],
    ['[\\d]', 'd', true],
    ['[\\d]', '5', false],
    ['[a', '[a', true],
    ['a]', 'a]', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['\\\\', '\\', true],
    ['a\\', 'a\\', true],
    ['a.c', 'abc', false],
    ['a.c', 'a.c', true],
    ['(a|b)+', '(a|b)+', true],
    ['^a$', '^a$', true],
    ['^a$', 'a', false],
    ['a/b', 'a/b', true],
    ['a{1}', 'a{1}', true],
    ['*', 'line\nline', true],
    ['a?b', 'a\nb', true],
    ['[🚀a]', '🚀', true],
    ['', '', true],
    ['', 'a', false],
  ])('%j against %j is %s', (pattern, key, fits) => {
    expect(compileGlob(pattern)(key)).toBe(fits)
  })

  test('fits exactly the key that was escaped', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '[', ']', '\\', '^', '-', '.', '🚀') })
    fc.assert(
      fc.property(text, text, (key, other) => {
        expect(compileGlob(escapeGlob(key))(key)).toBe(true)
        expect(compileGlob(escapeGlob(key))(other)).toBe(key === other)
      }),
    )
  })

  test('agrees with a plain reading of the language', () => {
    const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?', '.', '🚀'), { maxLength: 7 })
    const key = fc.array(fc.constantFrom('a', 'b', '.', '🚀'), { maxLength: 8 })
    fc.assert(
      fc.property(pattern, key, (signs, letters) => {
        expect(compileGlob(signs.join(''))(letters.join(''))).toBe(fitsPlainly(signs, letters))
      }),
      { numRuns: 500 },
    )
  })

  test('refuses nothing: every text is a pattern', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('ab[]^-\\*?!&|~(){}+.$/dws')) }),
        fc.string(),
        (pattern, key) => typeof compileGlob(pattern)(key) === 'boolean',
      ),
      { numRuns: 2000 },
    )
  })

  test('takes no longer for many stars', () => {
    const fits = compileGlob(`${'*a'.repeat(12)}*b`)
    const before = performance.now()
    expect(fits('a'.repeat(40))).toBe(false)
    expect(performance.now() - before).toBeLessThan(1000)
  })
})
