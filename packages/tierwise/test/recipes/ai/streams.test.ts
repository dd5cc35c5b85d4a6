import { afterEach, describe, expect, it } from 'vitest'

import { createCacheManager } from '../../../src/index.ts'
import { aiResponseCache } from '../../../src/recipes/ai/index.ts'
import type { AiRequest, AiResponseCacheOptions } from '../../../src/recipes/ai/index.ts'
import { fakeRuntime, mapTier, sharedStore, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'

const open: TestCache<string>[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop()
})

function build(options: AiResponseCacheOptions = {}, builder = testCache().memory().tier(mapTier()).namespace('ai')) {
  const made = builder.build()
  open.push(made as TestCache<string>)
  return { ...made, answers: aiResponseCache(made.cache, { runtime: made.runtime, ...options }) }
}

const request: AiRequest = { operation: 'summarize', model: 'm', text: 'Steel is an alloy.' }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A model that streams these chunks, one at a turn, and counts its calls. */
function model(chunks: readonly unknown[] = ['Steel ', 'is ', 'an alloy.'], failure?: Error) {
  const calls: AbortSignal[] = []
  const call = ({ signal }: { signal: AbortSignal }): AsyncIterable<unknown> => {
    calls.push(signal)
    return (async function* () {
      for (const chunk of chunks) {
        await turn()
        signal.throwIfAborted()
        yield chunk
      }
      if (failure !== undefined) throw failure
    })()
  }
  return { calls, call }
}

async function all<C>(stream: AsyncIterable<C>): Promise<C[]> {
  const chunks: C[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

describe('streams', () => {
  it('come live the first time, and are replayed chunk by chunk afterwards', async () => {
    const { answers } = build()
    const { call, calls } = model(['a', { at: new Date(0) }, new Uint8Array([1])])
    const first = await answers.stream(request, call)
    expect([first.cached, first.source]).toEqual([false, 'call'])
    const seen = await all(first)
    await turn()
    const second = await answers.stream(request, call)
    expect([second.cached, second.source]).toEqual([true, 'cache'])
    expect(await all(second)).toEqual(seen)
    expect(seen).toEqual(['a', { at: new Date(0) }, new Uint8Array([1])])
    expect(calls).toHaveLength(1)
    expect(answers.statistics()['summarize']).toMatchObject({ requests: 2, misses: 1, hits: 1 })
  })

  it('give the first chunk before the last is there', async () => {
    const { answers } = build()
    let go: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (go = resolve))
    const stream = await answers.stream(request, async function* () {
      yield 1
      await gate
      yield 2
    })
    const reader = stream[Symbol.asyncIterator]()
    expect((await reader.next()).value).toBe(1)
    go()
    expect((await reader.next()).value).toBe(2)
    expect((await reader.next()).done).toBe(true)
  })

  it('are shared from their beginning by all who ask meanwhile, in one call', async () => {
    const { answers } = build()
    const { call, calls } = model()
    const first = await answers.stream(request, call)
    const reader = first[Symbol.asyncIterator]()
    await reader.next()
    await reader.next()
    const joined = await Promise.all([answers.stream(request, call), answers.stream(request, call)])
    expect(joined.map(({ source, cached }) => [source, cached])).toEqual([
      ['shared', false],
      ['shared', false],
    ])
    for (const each of joined) expect((await all(each)).join('')).toBe('Steel is an alloy.')
    expect(calls).toHaveLength(1)
  })

  it('make one call for all who begin at once', async () => {
    const { answers } = build()
    const { call, calls } = model()
    const streams = await Promise.all(Array.from({ length: 10 }, () => answers.stream(request, call)))
    const texts = await Promise.all(streams.map(async (each) => (await all(each)).join('')))
    expect(new Set(texts)).toEqual(new Set(['Steel is an alloy.']))
    expect(calls).toHaveLength(1)
    expect(answers.statistics()['summarize']).toMatchObject({ requests: 10, misses: 1, shared: 9 })
  })

  it.each([
    ['fail', model(['a'], new Error('lost')), {}],
    ['end without their finish', model(['a', 'b']), { isFinish: (chunk: unknown) => chunk === 'finish' }],
    ['are refused', model(['I cannot']), { shouldCache: (chunks: unknown) => (chunks as string[])[0] !== 'I cannot' }],
    ['are too long', model(['x'.repeat(100), 'y'.repeat(100)]), { maxRecordBytes: 300 }],
  ])('are not kept when they %s', async (_, { call, calls }, options: AiResponseCacheOptions) => {
    const { answers } = build(options)
    for (let count = 1; count <= 2; count++) {
      await all(await answers.stream(request, call)).catch(() => undefined)
      await turn()
      expect(calls).toHaveLength(count)
    }
  })

  it('are not kept when they were stopped; the last reader to leave stops the call', async () => {
    const { answers } = build()
    const { call, calls } = model()
    const [first, other] = [await answers.stream(request, call), await answers.stream(request, call)]
    for await (const _ of first) break
    expect(calls[0]?.aborted).toBe(false)
    for await (const _ of other) break
    expect(calls[0]?.aborted).toBe(true)
    const again = await answers.stream(request, call)
    expect(again.source).toBe('call')
    expect(await all(again)).toHaveLength(3)
  })

  it('are read to their end for the record when everybody has left, if that is asked for', async () => {
    const { answers } = build({ whenAllLeft: 'finish' })
    const { call, calls } = model()
    for await (const _ of await answers.stream(request, call)) break
    for (let count = 0; count < 6; count++) await turn()
    expect((await answers.stream(request, call)).cached).toBe(true)
    expect(calls).toHaveLength(1)
  })

  it('end with the reason of the signal of a reader, and go on for the others', async () => {
    const { answers } = build()
    const { call, calls } = model()
    const abortion = new AbortController()
    const mine = await answers.stream({ ...request, signal: abortion.signal }, call)
    const other = await answers.stream(request, call)
    const reader = mine[Symbol.asyncIterator]()
    await reader.next()
    const reason = new Error('enough')
    const pending = reader.next()
    abortion.abort(reason)
    await expect(pending.then(() => reader.next())).rejects.toBe(reason)
    expect(await all(other)).toHaveLength(3)
    expect(calls[0]?.aborted).toBe(false)
    await expect(answers.stream({ ...request, signal: abortion.signal }, call)).rejects.toBe(reason)
  })

  it('reject with what the call throws, for all who wait, and are asked for again', async () => {
    const { answers } = build({}, testCache().memory().namespace('ai', { negativeTtl: '1m' }))
    const error = new Error('rate limit')
    const fail = async (): Promise<AsyncIterable<unknown>> => {
      throw error
    }
    const waits = await Promise.allSettled([answers.stream(request, fail), answers.stream(request, fail)])
    expect(waits).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
    ])
    expect(await all(await answers.stream(request, model().call))).toHaveLength(3)
  })

  it('fall back to a stale record when the call throws', async () => {
    const { answers, runtime } = build({}, testCache().memory().namespace('ai', { grace: '1h' }))
    await all(await answers.stream({ ...request, ttl: '1m' }, model().call))
    await runtime.advance(61_000)
    const stream = await answers.stream(request, () => Promise.reject(new Error('down')))
    expect([stream.cached, (await all(stream)).length]).toEqual([true, 3])
  })

  it('are not kept when they were invalidated meanwhile', async () => {
    const { answers } = build()
    const { call, calls } = model()
    const stream = await answers.stream(request, call)
    await answers.invalidate({ operations: ['summarize'] })
    expect(await all(stream)).toHaveLength(3)
    await turn()
    expect((await answers.stream(request, call)).source).toBe('call')
    expect(calls).toHaveLength(2)
  })

  it('are one thing, and whole answers another', async () => {
    const { answers } = build()
    await answers.respond(request, () => 'whole')
    const stream = await answers.stream(request, model().call)
    expect(stream.cached).toBe(false)
    await all(stream)
    expect((await answers.find(request))?.response).toBe('whole')
    await turn()
    expect(await answers.delete(request)).toBe(true)
    expect((await answers.stream(request, model().call)).cached).toBe(false)
  })

  it.each([
    ['instant', [0, 0, 0]],
    ['recorded', [100, 300, 350]],
    [{ every: '20ms' }, [20, 40, 60]],
  ] as const)('are replayed with the delays of %j', async (replay, wanted) => {
    const { answers, runtime } = build({ replay })
    const timed = async function* (): AsyncGenerator<number> {
      for (const [at, ms] of [100, 200, 50].entries()) {
        await runtime.advance(ms)
        yield at
      }
    }
    await all(await answers.stream(request, timed))
    await turn()
    const stream = await answers.stream(request, timed)
    const from = runtime.clock.now()
    const times: number[] = []
    const reading = (async () => {
      for await (const _ of stream) times.push(runtime.clock.now() - from)
    })()
    await runtime.until(reading)
    expect(times).toEqual(wanted)
  })

  it('end while they are replayed, when the signal says so', async () => {
    const { answers, runtime } = build({ replay: { every: '1h' } })
    await all(await answers.stream(request, model().call))
    await turn()
    const abortion = new AbortController()
    const stream = await answers.stream({ ...request, signal: abortion.signal }, model().call)
    const pending = stream[Symbol.asyncIterator]().next()
    await turn()
    abortion.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
    expect(runtime.pendingTimers.filter(({ dueAt }) => dueAt > runtime.clock.now() + 3_000_000)).toEqual([])
  })
})

describe('streams of two processes', () => {
  function twoProcesses() {
    const runtime = fakeRuntime()
    const store = sharedStore(runtime)
    const managers = [1, 2].map(() => createCacheManager({ tiers: [memory(), store.tier()], runtime }))
    const [one, other] = managers.map((manager) => aiResponseCache(manager, { runtime }))
    const stop = async (): Promise<void> => {
      for (const manager of managers) await runtime.until(manager.stop())
    }
    return { runtime, one: one!, other: other!, stop }
  }

  /** Streams one chunk and then waits for `end`. */
  function slowModel(failure?: Error) {
    let end: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (end = resolve))
    const call = async function* (): AsyncGenerator<string> {
      yield 'slow'
      await gate
      if (failure !== undefined) throw failure
    }
    return { call, end }
  }

  it('wait for each other for a while only, and that of the first is kept', async () => {
    const { runtime, one, other, stop } = twoProcesses()
    const { call, end } = slowModel()
    const slow = await runtime.until(one.stream(request, call))
    const from = runtime.clock.now()
    const late = await runtime.until(other.stream(request, model(['late']).call))
    expect(runtime.clock.now() - from).toBe(1000)
    expect(await all(late)).toEqual(['late'])
    end()
    expect(await all(slow)).toEqual(['slow'])
    await runtime.advance(100)
    expect(await all(await runtime.until(other.stream(request, model().call)))).toEqual(['slow'])
    await stop()
  })

  it('do not keep the late one, which began without the right to', async () => {
    const { runtime, one, other, stop } = twoProcesses()
    const { call, end } = slowModel(new Error('lost'))
    const slow = await runtime.until(one.stream(request, call))
    expect(await all(await runtime.until(other.stream(request, model(['late']).call)))).toEqual(['late'])
    end()
    await expect(all(slow)).rejects.toThrow('lost')
    await runtime.advance(15_000)
    const again = await runtime.until(other.stream(request, model().call))
    expect([again.source, (await all(again)).length]).toEqual(['call', 3])
    await runtime.advance(100)
    await stop()
  })
})
