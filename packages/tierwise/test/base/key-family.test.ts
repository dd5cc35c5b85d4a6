import { expect, test } from 'vitest'

import { keyFamily } from '../../src/base/key-family.ts'

test.each([
  ['steel', 'steel'],
  ['user:4711', 'user:*'],
  ['user:4711:profile', 'user:*'],
  ['steel:US:AR5:kg:2024', 'steel:US:*'],
  ['report/daily', 'report/*'],
  ['report/daily/eu', 'report/daily/*'],
  ['4711', '*'],
  ['6f1ed002ab5595859014ebf0951522d9', '*'],
  ['sha256:6f1e', '*'],
  ['embedding:abcdefabcdefabcdefabcdefabcdef', 'embedding:*'],
  ['a::b', 'a::*'],
  ['a:', 'a:*'],
  [':', ':*'],
  [`${'name:'.repeat(30)}x`, `${'name:'.repeat(30).slice(0, 64)}*`],
])('%s is of the family %s', (key, family) => {
  expect(keyFamily(key)).toBe(family)
})
