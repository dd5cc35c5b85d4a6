import { expect, test } from 'vitest'
import { createCoordination } from '../../../src/coordination/index.ts'

test('the statistics of a coordination tell a thousand names apart, and sum up the others', async () => {
  await using coordination = createCoordination()
  for (let at = 0; at < 1500; at++) await coordination.counter(`of-user-${at}`).increment('logins')
  const { primitives } = coordination.stats()
  expect(primitives).toHaveLength(1001)
  expect(primitives.at(-1)).toMatchObject({ primitive: 'counter', name: 'other', calls: 500 })
})
