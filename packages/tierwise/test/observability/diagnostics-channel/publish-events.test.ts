import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, expect, test } from 'vitest'
import { publishEvents } from '../../../src/observability/diagnostics-channel/index.ts'
import { testCache } from '../../../src/testing/test-cache.ts'

let stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop()
  stops = []
})

function heard(name: string): unknown[] {
  const messages: unknown[] = []
  const listener = (message: unknown): unknown => messages.push(message)
  subscribe(name, listener)
  stops.push(() => unsubscribe(name, listener))
  return messages
}

function service() {
  const made = testCache().memory().faulty('store').namespace('factors').build()
  stops.push(made.stop)
  return made
}

test('rare events are published on channels of their type', async () => {
  const { manager, cache, faults } = service()
  const [breakers, hits] = [heard('tierwise:breaker'), heard('tierwise:hit')]
  stops.push(publishEvents(manager))
  await cache.set('steel', 1)
  await cache.get('steel')
  faults.store.fail('get')
  for (let turn = 0; turn < 20; turn++) await cache.get(`k${turn}`)
  expect(breakers).toContainEqual({
    type: 'breaker',
    tier: 'store',
    kind: 'read',
    state: 'open',
    reason: expect.any(String),
  })
  expect(hits).toEqual([])
})

test('others are published where they are asked for, until it ends', async () => {
  const { manager, cache } = service()
  const loads = heard('tierwise:load')
  const stop = publishEvents(manager, { types: ['load'] })
  await cache.getOrSet('steel', () => 1)
  expect(loads).toMatchObject([{ type: 'load', key: 'steel', outcome: 'stored' }])
  stop()
  await cache.getOrSet('copper', () => 1)
  expect(loads).toHaveLength(1)
  expect(channel('tierwise:load').hasSubscribers).toBe(true)
})

test('wrong options are refused', () => {
  expect(() => publishEvents(service().manager, { type: ['load'] } as never)).toThrow('Did you mean `types`?')
})
