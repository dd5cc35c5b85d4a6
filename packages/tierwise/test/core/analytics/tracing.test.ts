import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { afterEach, expect, onTestFinished, test } from 'vitest'

import { fakeRuntime, sharedStore, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

function open(): TestCache<'store'> {
  const runtime = fakeRuntime()
  const opened = testCache().memory().faulty('store').namespace('n').runtime(runtime).build()
  stops.push(() => runtime.until(opened.manager.stop()))
  return opened
}

interface Traced {
  readonly namespace?: string
  readonly keys?: readonly string[]
  readonly tier?: string
  readonly operation?: string
  readonly error?: Error
}

/** What a tracing channel has told, as texts. */
function listen(name: string): string[] {
  const told: string[] = []
  const channel = tracingChannel<unknown, Traced>(name)
  const note =
    (step: string) =>
    ({ namespace = '', keys = [], tier, operation = '', error }: Traced): void => {
      const about = tier === undefined ? `${namespace} ${keys.join(',')}` : `${tier} ${operation}`
      told.push(`${step} ${about}${error === undefined ? '' : ` ${error.message}`}`)
    }
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  channel.subscribe(subscribers)
  onTestFinished(() => {
    channel.unsubscribe(subscribers)
  })
  return told
}

test('loaders run inside a tracing channel, single ones, batches and failing ones', async () => {
  const { cache, runtime } = open()
  const told = listen('tierwise:load')
  await runtime.until(cache.getOrSet('a', () => 1))
  await runtime.until(cache.getOrSetMany(['b', 'c'], async (keys) => new Map(keys.map((key) => [key, 1]))))
  await runtime
    .until(
      cache.getOrSet('d', () => {
        throw new Error('down')
      }),
    )
    .catch(() => undefined)
  expect(told.filter((line) => !line.startsWith('async'))).toEqual([
    'start n a',
    'end n a',
    'start n b,c',
    'end n b,c',
    'start n d',
    'end n d',
    'error n d down',
  ])
  expect(told.filter((line) => line.startsWith('asyncEnd'))).toHaveLength(3)
})

test('what a subscriber binds is there inside the loader', async () => {
  const { cache, runtime } = open()
  const context = new AsyncLocalStorage<string>()
  const { start } = tracingChannel<unknown, { namespace: string }>('tierwise:load')
  start.bindStore(context, ({ namespace }) => `of ${namespace}`)
  onTestFinished(() => {
    start.unbindStore(context)
  })
  const seen = await runtime.until(
    cache.getOrSet('key', async () => {
      await Promise.resolve()
      return context.getStore()
    }),
  )
  expect(seen).toBe('of n')
})

test('operations of tiers run inside a tracing channel and are told as events, failures too', async () => {
  const { cache, faults, manager, runtime } = open()
  const told = listen('tierwise:tier')
  const events: string[] = []
  manager.on('tier-operation', ({ tier, operation, outcome, durationMs }) => {
    events.push(`${tier} ${operation} ${outcome} ${Math.round(durationMs)}`)
  })
  await runtime.until(cache.get('a'))
  faults.store.fail('get', { times: 5 })
  await runtime.until(cache.get('b'))
  faults.store.clear()
  faults.store.hang('get')
  await runtime.until(cache.get('c'))
  expect(events).toEqual(['store get answered 0', 'store get failed 0', 'store get late 250'])
  expect(told.filter((line) => line === 'start store get').length).toBeGreaterThanOrEqual(3)
  expect(told.filter((line) => line.startsWith('error store get')).length).toBeGreaterThanOrEqual(1)
})

test('leases are told as events: who loads, and who waits for it', async () => {
  const runtime = fakeRuntime()
  const store = sharedStore({ clock: runtime.clock, random: runtime.random })
  const members = [1, 2].map(() => {
    const member = testCache()
      .memory()
      .tier(store.tier({ name: 'shared' }))
      .namespace('n')
      .runtime(runtime)
      .build()
    stops.push(() => runtime.until(member.manager.stop()))
    return member
  })
  const answers: string[] = []
  for (const [at, { manager }] of members.entries())
    manager.on('lease', ({ namespace, key, answer }) => answers.push(`${at} ${namespace} ${key} ${answer}`))
  const load = (): Promise<number> => new Promise((resolve) => void runtime.timers.after(100, () => resolve(1)))
  await runtime.until(Promise.all(members.map(({ cache }) => cache.getOrSet('key', load))))
  expect(answers.slice(0, 2)).toEqual(['0 n key granted', '1 n key busy'])
})
