import { describe, expect, it } from 'vitest'

import { createCoordination, memoryCoordination } from '../../../src/coordination/index.ts'
import { TierError } from '../../../src/errors.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { codeOf, primitiveWorld } from './world.ts'

describe('a coordination whose store fails', () => {
  it('says that the store could not be asked, with the cause', async () => {
    await using world = primitiveWorld()
    world.switched.mood = 'fails'
    const error = await world.coordination
      .counter('visits')
      .increment('home')
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TierError)
    expect(error).toMatchObject({
      code: 'ERR_CACHE_UNAVAILABLE',
      tier: 'memory',
      operation: 'increment',
      retryable: true,
    })
    expect((error as Error).cause).toMatchObject({ code: 'ERR_CACHE_TIER_WRITE' })
  })

  it('passes on what the store refuses, and does not take it for a failure', async () => {
    await using world = primitiveWorld({ failure: 'open', breaker: { failures: 1 } })
    await world.switched.store.enter('register:r:a', [{ member: 'of another kind' }])
    const register = world.coordination.register('r')
    for (let i = 0; i < 3; i++) expect(await codeOf(register.get('a'))).toBe('ERR_CACHE_TIER_WRITE')
    expect(world.coordination.stats().breaker).toBe('closed')
    expect(world.events).toEqual([])
  })

  it('tells each step that did not come from the store, with what was done instead', async () => {
    await using world = primitiveWorld()
    world.switched.mood = 'fails'
    await codeOf(world.coordination.register('strict').get('a'))
    await world.coordination.register('lax', { failure: 'open' }).get('a')
    await world.coordination.register('here', { failure: 'local' }).get('a')
    const degraded = { type: 'degraded', primitive: 'register', operation: 'get', error: expect.any(TierError) }
    expect(world.events).toEqual([
      { ...degraded, name: 'strict', failure: 'closed' },
      { ...degraded, name: 'lax', failure: 'open' },
      { ...degraded, name: 'here', failure: 'local' },
    ])
  })

  it('counts what became of the steps, for each kind and name', async () => {
    await using world = primitiveWorld()
    const lax = world.coordination.register('r', { failure: 'open' })
    await lax.get('a')
    world.switched.mood = 'fails'
    await lax.get('a')
    await world.coordination.register('r', { failure: 'open' }).get('a')
    await world.coordination.register('here', { failure: 'local' }).get('a')
    await codeOf(world.coordination.counter('r').get('a'))
    const none = { unavailable: 0, local: 0, assumed: 0 }
    expect(world.coordination.stats().primitives).toEqual([
      { ...none, primitive: 'register', name: 'r', calls: 3, unavailable: 2, assumed: 2 },
      { ...none, primitive: 'register', name: 'here', calls: 1, unavailable: 1, local: 1 },
      { ...none, primitive: 'counter', name: 'r', calls: 1, unavailable: 1 },
    ])
  })

  it('takes the mode of the coordination where a primitive does not say', async () => {
    await using world = primitiveWorld({ failure: 'open' })
    world.switched.mood = 'fails'
    expect(await world.coordination.register('r').get('a')).toBeUndefined()
    expect(await codeOf(world.coordination.register('r', { failure: 'closed' }).get('a'))).toBe('ERR_CACHE_UNAVAILABLE')
  })

  it('waits for a silent store once: after its deadline a call is refused at once', async () => {
    await using world = primitiveWorld({ timeout: '200ms' })
    const register = world.coordination.register('r')
    await register.get('a')
    await world.runtime.advance(1)
    world.switched.mood = 'is silent'
    const began = world.runtime.clock.now()
    expect(await world.runtime.until(codeOf(register.get('a')))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(world.runtime.clock.now() - began).toBe(200)
    expect(world.events.at(0)).toEqual({ type: 'breaker', state: 'open', reason: 'silence' })
    const asked = world.switched.asked.length
    expect(await codeOf(register.set('a', 1))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(world.switched.asked).toHaveLength(asked)
  })

  it('asks nothing of a store that failed several times in a row, for a while', async () => {
    await using world = primitiveWorld({ breaker: { failures: 3, openFor: '10s' } })
    const register = world.coordination.register('r')
    world.switched.mood = 'fails'
    for (let i = 0; i < 5; i++) expect(await codeOf(register.get('a'))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(world.switched.asked).toHaveLength(3)
    expect(world.coordination.stats().breaker).toBe('open')
  })

  it('finds out with a read of its own whether the store is back: no step is taken whose caller was refused', async () => {
    await using world = primitiveWorld({ breaker: { failures: 1, openFor: '10s' } })
    const counter = world.coordination.counter('visits')
    world.switched.mood = 'fails'
    await codeOf(counter.increment('home'))
    world.switched.mood = 'answers'
    world.switched.asked.length = 0
    await world.runtime.advance(1000)
    expect(await codeOf(counter.increment('home'))).toBe('ERR_CACHE_UNAVAILABLE')
    await world.runtime.settle()
    expect(world.switched.asked).toEqual(['read'])
    expect(world.coordination.stats().breaker).toBe('closed')
    expect(await counter.increment('home')).toBe(1)
    const states = world.events.flatMap((event) => (event.type === 'breaker' ? [event.state] : []))
    expect(states).toEqual(['open', 'half-open', 'closed'])
  })

  it('leaves a store alone for longer when the read of its own failed too', async () => {
    await using world = primitiveWorld({ breaker: { failures: 1, openFor: '10s' } })
    const counter = world.coordination.counter('visits')
    world.switched.mood = 'fails'
    await codeOf(counter.get('home'))
    const askedAfter = async (ms: number): Promise<number> => {
      world.switched.asked.length = 0
      await world.runtime.advance(ms)
      await codeOf(counter.get('home'))
      await world.runtime.settle()
      return world.switched.asked.length
    }
    expect([await askedAfter(999), await askedAfter(1), await askedAfter(1999), await askedAfter(1)]).toEqual([
      0, 1, 0, 1,
    ])
  })

  it('refuses everything after it was stopped, in every mode', async () => {
    await using world = primitiveWorld({ failure: 'open' })
    const register = world.coordination.register('r')
    const here = world.coordination.register('here', { failure: 'local' })
    await Promise.all([world.coordination.stop(), world.coordination.stop()])
    expect(await codeOf(register.get('a'))).toBe('ERR_CACHE_STOPPED')
    expect(await codeOf(here.get('a'))).toBe('ERR_CACHE_STOPPED')
  })

  it('goes on when who is told of events throws', async () => {
    const runtime = fakeRuntime()
    const store = memoryCoordination({ runtime })
    const onEvent = (): never => {
      throw new Error('theirs')
    }
    await using coordination = createCoordination({ store, runtime, onEvent, failure: 'open' })
    store.read = () => Promise.reject(new Error('down'))
    expect(await coordination.register('r').get('a')).toBeUndefined()
  })

  it('takes a store that throws for one that failed', async () => {
    const runtime = fakeRuntime()
    const store = memoryCoordination({ runtime })
    await using coordination = createCoordination({ store, runtime, breaker: { failures: 1, openFor: '1s' } })
    const register = coordination.register('r')
    const { read } = store
    store.read = () => {
      throw new Error('down')
    }
    expect(await codeOf(register.get('a'))).toBe('ERR_CACHE_UNAVAILABLE')
    await runtime.advance(100)
    await codeOf(register.get('a'))
    store.read = read
    await runtime.advance(1000)
    await codeOf(register.get('a'))
    await runtime.settle()
    expect(coordination.stats().breaker).toBe('closed')
  })

  it('says that its store could not be opened', async () => {
    const runtime = fakeRuntime()
    const store = memoryCoordination({ runtime })
    store.open = () => Promise.reject(new Error('no route'))
    await using coordination = createCoordination({ store, runtime })
    const error = await coordination.start().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_CACHE_TIER_OPEN', tier: 'memory', retryable: true })
    expect((error as Error).cause).toEqual(new Error('no route'))
  })

  it.each([
    { timeout: 0 },
    { failure: 'maybe' },
    { breaker: { failures: 0 } },
    { store: {} },
    { onEvent: 'print' },
    { failures: 'open' },
  ])('refuses to be made with %j', (options) => {
    expect(() => createCoordination(options as never)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_OPTION' }))
  })
})
