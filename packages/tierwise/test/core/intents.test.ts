import { describe, expect, test } from 'vitest'

import { Emitter } from '../../src/core/emitter.ts'
import { Intents } from '../../src/core/journal/intents.ts'
import type { TierEvent } from '../../src/contract/events.ts'
import { fakeRuntime } from '../../src/testing/index.ts'
import { heldByTier, stackOpener } from '../stacks.ts'

const open = stackOpener()

interface Sent {
  readonly keys: readonly string[]
  readonly version: number
}

function intents(most: number) {
  const runtime = fakeRuntime()
  const emitter = new Emitter()
  const events: TierEvent[] = []
  emitter.on('intent', (event) => void events.push(event))
  const deletes: Sent[] = []
  const clears: { prefix: string; version: number }[] = []
  const target = {
    name: 'tier',
    answers: true,
    delete: async (keys: readonly string[], version: number) => {
      deletes.push({ keys, version })
      return target.answers
    },
    clear: async (prefix: string, version: number) => {
      clears.push({ prefix, version })
      return target.answers
    },
  }
  const book = new Intents(target, { timers: runtime.timers, emitter, settings: { most, retryMs: 1000 } })
  return { book, target, deletes, clears, events, runtime }
}

describe('intents', () => {
  test('cover a kept key until it is settled by something as new', () => {
    const { book } = intents(10)
    book.keep('p:a', 'p:', 5)
    expect(book.covers('p:a', 0)).toBe(true)
    expect(book.covers('p:b', 0)).toBe(false)
    book.settle('p:a', 4)
    expect(book.covers('p:a', 0)).toBe(true)
    book.settle('p:a', 5)
    expect(book.covers('p:a', 0)).toBe(false)
  })

  test('cover no record that is newer than the change they stand for', () => {
    const { book } = intents(10)
    book.keep('p:a', 'p:', 5)
    book.keepClear('q:', 7)
    expect([5, 6].map((version) => book.covers('p:a', version))).toEqual([true, false])
    expect([7, 8].map((version) => book.covers('q:a', version))).toEqual([true, false])
  })

  test('try again every second until the tier answers', async () => {
    const { book, target, deletes, events, runtime } = intents(10)
    target.answers = false
    book.keep('p:a', 'p:', 5)
    await runtime.advance(3000)
    expect(deletes).toHaveLength(3)
    expect(book.pending).toBe(1)
    target.answers = true
    await runtime.advance(1000)
    expect(book.pending).toBe(0)
    expect(events.map((event) => event.type === 'intent' && event.state)).toEqual(['kept', 'replayed'])
    await runtime.advance(5000)
    expect(deletes).toHaveLength(4)
  })

  test('keep what failed again while they were being replayed', async () => {
    const { book, target, runtime } = intents(10)
    book.keep('p:a', 'p:', 5)
    target.delete = async (_keys, _version) => {
      book.keep('p:a', 'p:', 9)
      return false
    }
    await runtime.advance(1000)
    expect(book.covers('p:a', 0)).toBe(true)
  })

  test('become a clear of the namespace when there are too many', async () => {
    const { book, clears, deletes, events, runtime } = intents(3)
    for (let at = 0; at < 4; at++) book.keep(`p:${at}`, 'p:', 10 + at)
    book.keep('q:a', 'q:', 20)
    expect(book.covers('p:anything', 0)).toBe(true)
    expect(book.covers('q:b', 0)).toBe(false)
    expect(events.some((event) => event.type === 'intent' && event.state === 'overflowed')).toBe(true)
    await runtime.advance(1000)
    expect(clears).toEqual([{ prefix: 'p:', version: 13 }])
    expect(deletes).toEqual([{ keys: ['q:a'], version: 20 }])
    expect(book.pending).toBe(0)
  })

  test('clear up to the newest key that they gave up', async () => {
    const { book, clears, runtime } = intents(2)
    book.keep('p:a', 'p:', 30)
    book.keep('p:b', 'p:', 20)
    book.keep('p:c', 'p:', 10)
    await runtime.advance(1000)
    expect(clears).toEqual([{ prefix: 'p:', version: 30 }])
  })

  test('do not forget a newer clear for an older one', async () => {
    const { book, clears, runtime } = intents(2)
    book.keepClear('p:', 30)
    book.keepClear('p:', 20)
    await runtime.advance(1000)
    expect(clears).toEqual([{ prefix: 'p:', version: 30 }])
  })

  test('leave no timer when they are closed', () => {
    const { book, runtime } = intents(2)
    book.keep('p:a', 'p:', 1)
    book.close()
    book.keep('p:b', 'p:', 2)
    expect(runtime.pendingTimers).toEqual([])
  })
})

describe('a tier that could not take a change', () => {
  test('is not believed about the key, and is once it has heard', async () => {
    const stack = open('L2 durable')
    const { cache, runtime } = stack
    await cache.set('key', 'old')
    stack.plan('second').fail('delete', { times: 1 })
    expect(await cache.delete('key')).toBe(false)
    expect(await cache.get('key')).toBeUndefined()
    expect(await stack.manager.health()).toMatchObject({ healthy: false, tiers: [{ name: 'second', intents: 1 }] })
    await runtime.advance(1000)
    expect(await stack.manager.health()).toMatchObject({ healthy: true, tiers: [{ name: 'second', intents: 0 }] })
    expect(await cache.get('key')).toBeUndefined()
  })

  test('is believed again about a key that it took a newer write of', async () => {
    const stack = open('L2 durable')
    await stack.cache.set('key', 'old')
    stack.plan('second').fail('delete', { times: 1 })
    await stack.cache.delete('key')
    expect((await stack.cache.set('key', 'new')).tiers).toEqual({ second: 'applied' })
    expect(await stack.cache.get('key')).toBe('new')
    await stack.runtime.advance(1000)
    expect(await stack.cache.get('key')).toBe('new')
  })

  test('keeps its other keys', async () => {
    const stack = open('L2 plain')
    await stack.cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    stack.plan('second').fail('set', { times: 1 })
    expect((await stack.cache.set('a', 3)).tiers).toEqual({ second: 'failed' })
    expect(await stack.cache.getMany(['a', 'b'])).toEqual(new Map([['b', 2]]))
  })

  test('does not bring the old value back when the replay lost its reply', async () => {
    const stack = open('L1+L2+L3')
    await stack.cache.set('key', 'old')
    stack.plan('third').fail('delete', { times: 2, when: 'after' })
    await stack.cache.delete('key')
    await stack.runtime.advance(5000)
    expect(await heldByTier(stack, 'key')).toEqual({ memory: undefined, second: undefined, third: undefined })
  })

  test('shows none of its keys after a clear that it did not take, but what was set since', async () => {
    const stack = open('L2 durable')
    await stack.cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    stack.plan('second').fail('clear', { times: 1 })
    await stack.cache.clear({ hard: true })
    await stack.cache.set('b', 3)
    expect(await stack.cache.get('a')).toBeUndefined()
    await stack.runtime.advance(1000)
    expect(await stack.cache.get('a')).toBeUndefined()
    expect(await stack.cache.get('b')).toBe(3)
  })

  test('is cleared once when more keys are owed than are kept', async () => {
    const stack = open('L2 durable')
    const keys = Array.from({ length: 10_001 }, (_, index) => `key${index}`)
    await stack.cache.set('bystander', 1)
    stack.plan('second').fail('delete', { times: 1 })
    await stack.cache.deleteMany(keys)
    expect(await stack.cache.get('bystander')).toBeUndefined()
    await stack.runtime.advance(1000)
    expect(stack.plan('second').callsOf('clear')).toHaveLength(1)
    expect(await stack.manager.health()).toMatchObject({ tiers: [{ intents: 0 }] })
  })

  test('hears of it at the latest when the manager stops', async () => {
    const stack = open('L2 durable')
    await stack.cache.set('key', 'old')
    stack.plan('second').fail('delete', { times: 1 })
    await stack.cache.delete('key')
    await stack.manager.stop()
    expect(stack.plan('second').callsOf('delete')).toHaveLength(2)
  })

  test('refuses a failed write that arrives after its intent', async () => {
    const stack = open('L2 durable')
    await stack.manager.start()
    stack.plan('second').hang('set', { times: 1 })
    const write = stack.cache.set('key', 'lost')
    await stack.runtime.advance(300)
    expect((await write).tiers).toEqual({ second: 'failed' })
    await stack.runtime.advance(1000)
    stack.plan('second').release()
    await stack.runtime.settle()
    expect(await stack.cache.get('key')).toBeUndefined()
  })
})
