import { expect, it } from 'vitest'
import { fakeRuntime } from '../../../../src/testing/index.ts'
import type { BusChange } from '../../../../src/contract/bus.ts'
import { RecentChanges } from '../../../../src/tiers/redis/bus/recent-changes.ts'

const key = (name: string, version = 1): BusChange => ({ kind: 'key', operation: 'set', key: name, version })
const tags = (...names: string[]): BusChange => ({ kind: 'tags', names, clock: 1 })

it('keeps the latest change of each key and tag, by lane', () => {
  const recent = new RecentChanges(fakeRuntime().clock)
  recent.add(0, [key('a', 1), key('b', 1), tags('a', 'x')])
  recent.add(1, [key('c')])
  recent.add(0, [key('a', 2)])
  expect(recent.of(0)).toEqual([key('b', 1), tags('a'), tags('x'), key('a', 2)])
  expect(recent.of(1)).toEqual([key('c')])
  expect(recent.of(2)).toEqual([])
})

it('forgets after half a minute', async () => {
  const runtime = fakeRuntime()
  const recent = new RecentChanges(runtime.clock)
  recent.add(0, [key('a')])
  await runtime.advance(20_000)
  recent.add(0, [key('b')])
  await runtime.advance(10_000)
  expect(recent.of(0)).toEqual([key('a'), key('b')])
  await runtime.advance(1)
  expect(recent.of(0)).toEqual([key('b')])
})

it('keeps ten thousand', () => {
  const recent = new RecentChanges(fakeRuntime().clock)
  for (let i = 0; i < 10_100; i++) recent.add(0, [key(`k${i}`)])
  expect(recent.of(0)).toHaveLength(10_000)
  expect(recent.of(0)[0]).toEqual(key('k100'))
})
