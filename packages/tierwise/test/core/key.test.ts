import { describe, expect, test } from 'vitest'
import { checkKey } from '../../src/base/key.ts'
import { checkNamespaceName } from '../../src/core/key.ts'
import { ConfigError, KeyError } from '../../src/errors.ts'

describe('a key', () => {
  test.each(['a', ' ', 'a:b', '\0', '😀', 'x'.repeat(4096)])('may be %j', (key) => {
    expect(() => checkKey(key, 'get')).not.toThrow()
  })

  test.each([
    [undefined, 'A key must be a string, not a value of type undefined.'],
    [null, 'A key must be a string, not null.'],
    [1, 'A key must be a string, not a value of type number.'],
    [['a'], 'A key must be a string, not a value of type object.'],
    ['', 'A key must not be empty.'],
    ['x'.repeat(4097), 'A key must not be longer than 4096 characters, this one has 4097.'],
    ['a\ud800b', 'A key must be well-formed Unicode, this one contains half of a surrogate pair.'],
  ])('may not be %o', (key, message) => {
    const check = (): void => checkKey(key, 'get')
    expect(check).toThrow(KeyError)
    expect(check).toThrow(expect.objectContaining({ message, code: 'ERR_CACHE_KEY', operation: 'get' }))
  })
})

describe('a namespace name', () => {
  test.each(['a', 'A.b-c_1', 'x'.repeat(128)])('may be %s', (name) => {
    expect(() => checkNamespaceName(name)).not.toThrow()
  })

  test.each([[''], ['a:b'], ['a b'], ['a\n'], ['ü'], ['x'.repeat(129)], [undefined], [null], [5]])(
    'may not be %o',
    (name) => {
      const check = (): void => checkNamespaceName(name)
      expect(check).toThrow(ConfigError)
      expect(check).toThrow(
        `\`${String(name)}\` is not a namespace name: use letters, digits, \`_\`, \`-\` and \`.\`, at most 128.`,
      )
    },
  )
})
