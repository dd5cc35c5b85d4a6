import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createCoordination,
  memoryCoordination,
  type Coordination,
  type CoordinationEvent,
} from '../../../src/coordination/index.ts'
import type { CoordinationStore } from '../../../src/contract/coordination.ts'
import { fakeRuntime, type FakeRuntime } from '../../../src/testing/index.ts'
import { switchableStore, type SwitchableStore } from './switchable-store.ts'

let runtime: FakeRuntime
let shared: CoordinationStore
let store: SwitchableStore
let events: CoordinationEvent[]
let one: Coordination
let other: Coordination

beforeEach(() => {
  runtime = fakeRuntime()
  shared = memoryCoordination({ runtime })
  store = switchableStore(shared)
  events = []
  one = createCoordination({ store: store.store, runtime, onEvent: (event) => events.push(event) })
  other = createCoordination({ store: shared, runtime })
})
afterEach(async () => {
  await Promise.all([one.stop(), other.stop()])
  expect(runtime.pendingTimers).toEqual([])
})

describe('a lock', () => {
  test('has one holder, whose fence is larger than that of all before', async () => {
    const first = await one.lock('reports').tryAcquire('nightly')
    expect(await other.lock('reports').tryAcquire('nightly')).toBeUndefined()
    expect(await first?.release()).toBe(true)
    const second = await other.lock('reports').tryAcquire('nightly')
    expect(second?.fence).toBeGreaterThan(first?.fence ?? Infinity)
    await second?.release()
  })

  test('is of one id and one name', async () => {
    const a = await one.lock('reports').tryAcquire('a')
    const b = await one.lock('reports').tryAcquire('b')
    const c = await one.lock('imports').tryAcquire('a')
    expect([a, b, c]).not.toContain(undefined)
  })

  test('is renewed for as long as it is held', async () => {
    const lock = await one.lock('reports', { ttl: '3s' }).acquire('nightly')
    await runtime.advance(60_000)
    expect(lock.signal.aborted).toBe(false)
    expect(await other.lock('reports').tryAcquire('nightly')).toBeUndefined()
    expect(await lock.release()).toBe(true)
    expect(await lock.release()).toBe(false)
  })

  test('of a process that died is free after its ttl', async () => {
    await shared.acquire('lock:reports:nightly', 'a process that died', { ttlMs: 3000 })
    const waiting = one.lock('reports', { wait: '10s' }).acquire('nightly')
    const from = runtime.clock.now()
    const lock = await runtime.until(waiting)
    expect(runtime.clock.now() - from).toBe(3000)
    await lock.release()
  })

  test('is lost when it cannot be renewed in time, and says so before anybody else can have it', async () => {
    const lock = await one.lock('reports', { ttl: '3s' }).acquire('nightly')
    let lostAt: number | undefined
    lock.signal.addEventListener('abort', () => (lostAt = runtime.clock.now()))
    const from = runtime.clock.now()
    store.mood = 'is silent'
    const next = await runtime.until(other.lock('reports', { wait: '1h' }).acquire('nightly'))
    expect(runtime.clock.now() - from).toBeGreaterThanOrEqual(3000)
    expect(lostAt).toBe(from + 3000)
    expect(lock.signal.reason).toMatchObject({ name: 'CoordinationError', code: 'ERR_CACHE_LOCK_LOST' })
    expect(events).toContainEqual({ type: 'lock-lost', name: 'reports', id: 'nightly' })
    expect(await lock.release()).toBe(false)
    expect(next.fence).toBeGreaterThan(lock.fence)
    store.mood = 'answers'
    await next.release()
    // Until the last step that was never answered has met its deadline.
    await runtime.advance(2000)
  })

  test('outlives a store that cannot be asked for less than its ttl', async () => {
    const lock = await one.lock('reports', { ttl: '9s' }).acquire('nightly')
    store.mood = 'fails'
    await runtime.advance(6500)
    store.mood = 'answers'
    await runtime.advance(30_000)
    expect(lock.signal.aborted).toBe(false)
    await lock.release()
  })

  test('is lost at once when the store says that somebody else has it', async () => {
    const lock = await one.lock('reports', { ttl: '3s' }).acquire('nightly')
    await shared.remove('lock:reports:nightly')
    await runtime.advance(1000)
    expect(lock.signal.aborted).toBe(true)
  })

  test('is waited for in a line: who came first is first, and is woken by the release', async () => {
    const held = await one.lock('reports').acquire('nightly')
    const order: number[] = []
    const waiting = [1, 2, 3, 4].map(async (number) => {
      const lock = await (number % 2 === 0 ? one : other).lock('reports').acquire('nightly')
      order.push(number)
      await lock.release()
    })
    await runtime.settle()
    const from = runtime.clock.now()
    await held.release()
    await runtime.until(Promise.all(waiting))
    expect(order).toEqual([1, 2, 3, 4])
    expect(runtime.clock.now()).toBe(from)
  })

  test('that is waited for too long is told, and leaves its place', async () => {
    const held = await one.lock('reports').acquire('nightly')
    const late = other.lock('reports', { wait: '5s' }).acquire('nightly')
    await expect(runtime.until(late)).rejects.toMatchObject({ code: 'ERR_CACHE_LOCK_TIMEOUT', retryable: true })
    await held.release()
    const next = await one.lock('reports').tryAcquire('nightly')
    expect(next).toBeDefined()
  })

  test('is not held up for long by one who stood in line and died', async () => {
    const held = await other.lock('reports').acquire('nightly')
    const dying = one.lock('reports', { wait: '1h' }).acquire('nightly')
    const isToldSo = expect(dying).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
    await runtime.settle()
    store.mood = 'is silent'
    const waiting = other.lock('reports').acquire('nightly')
    await runtime.settle()
    const from = runtime.clock.now()
    await held.release()
    const lock = await runtime.until(waiting)
    expect(runtime.clock.now() - from).toBeLessThanOrEqual(2600)
    await lock.release()
    await runtime.advance(2000)
    await isToldSo
  })

  test('is no longer waited for when the caller gives up', async () => {
    const held = await one.lock('reports').acquire('nightly')
    const caller = new AbortController()
    const waiting = other.lock('reports').acquire('nightly', { signal: caller.signal })
    await runtime.settle()
    caller.abort(new Error('enough'))
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CACHE_ABORTED', cause: caller.signal.reason })
    await held.release()
    expect(await one.lock('reports').tryAcquire('nightly')).toBeDefined()
  })

  test('runs work, and is free when the work is done or has failed', async () => {
    const lock = one.lock('reports')
    expect(await lock.run('nightly', ({ fence }) => fence > 0)).toBe(true)
    await expect(lock.run('nightly', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(await other.lock('reports').tryAcquire('nightly')).toBeDefined()
  })

  test('is given up when the coordination stops', async () => {
    await one.lock('reports').acquire('nightly')
    await one.lock('reports').acquire('weekly')
    const released: string[] = []
    await shared.subscribe('released:lock:reports:nightly', () => released.push('nightly'))
    await shared.subscribe('released:lock:reports:weekly', () => released.push('weekly'))
    await one.stop()
    expect(released).toEqual(['nightly', 'weekly'])
    await expect(one.lock('reports').tryAcquire('nightly')).rejects.toMatchObject({ code: 'ERR_CACHE_STOPPED' })
  })

  test('is refused when the store cannot be asked, and held in this process when the caller says local', async () => {
    store.mood = 'fails'
    await expect(one.lock('reports').acquire('nightly')).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
    const local = one.lock('reports', { failure: 'local', ttl: '3s' })
    const held = await local.acquire('nightly')
    expect(await local.tryAcquire('nightly')).toBeUndefined()
    await runtime.advance(30_000)
    expect(held.signal.aborted).toBe(false)
    expect(await held.release()).toBe(true)
    expect(events.map((event) => event.type === 'degraded' && event.failure)).toContain('local')
  })

  test('is given to the next at once when one who waited in this process has given up', async () => {
    store.mood = 'fails'
    const local = one.lock('reports', { failure: 'local' })
    const held = await local.acquire('nightly')
    const caller = new AbortController()
    const waiting = local.acquire('nightly', { signal: caller.signal })
    await runtime.settle()
    caller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CACHE_ABORTED' })
    await held.release()
    expect(await local.tryAcquire('nightly')).toBeDefined()
  })

  test('cannot be open: two holders are no lock', () => {
    // @ts-expect-error no such mode
    expect(() => one.lock('reports', { failure: 'open' })).toThrow('`lock reports.failure`')
  })
})
