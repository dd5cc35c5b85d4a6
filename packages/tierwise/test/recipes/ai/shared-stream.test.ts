import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { SharedStream } from '../../../src/recipes/ai/shared-stream.ts'
import type { SharedStreamOptions } from '../../../src/recipes/ai/shared-stream.ts'
import { approximateBytes } from '../../../src/recipes/ai/sized.ts'
import { fakeRuntime } from '../../../src/testing/index.ts'

/** A source that gives a chunk when it is told to. */
class Source implements AsyncIterable<unknown> {
  asked = 0
  returned = 0
  #waiting: ((result: IteratorResult<unknown, undefined> | Promise<never>) => void)[] = []

  get isAwaited(): boolean {
    return this.#waiting.length > 0
  }

  async give(chunk: unknown): Promise<void> {
    this.#waiting.shift()!({ done: false, value: chunk })
    await turn()
  }

  async end(): Promise<void> {
    this.#waiting.shift()!({ done: true, value: undefined })
    await turn()
  }

  async fail(error: Error): Promise<void> {
    this.#waiting.shift()!(Promise.reject(error))
    await turn()
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown, undefined> {
    return {
      next: () =>
        new Promise((resolve) => {
          this.asked++
          this.#waiting.push(resolve)
        }),
      return: async () => {
        this.returned++
        return { done: true, value: undefined }
      },
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function share(options: Partial<SharedStreamOptions> = {}) {
  const source = new Source()
  const cancelled: unknown[] = []
  const { clock } = fakeRuntime()
  const stream = new SharedStream(source, {
    clock,
    startedAt: clock.now(),
    limitBytes: 1000,
    whenAllLeft: 'cancel',
    isFinish: undefined,
    cancel: (reason) => cancelled.push(reason),
    ...options,
  })
  return { source, stream, cancelled }
}

/** Reads on until there is nothing to be had at once. */
async function drain(reader: AsyncIterator<unknown, undefined>, most = Infinity) {
  const seen: unknown[] = []
  while (seen.length < most) {
    const next = reader.next()
    const first = await Promise.race([next, turn().then(() => 'nothing' as const)]).catch((error: unknown) => ({
      error,
    }))
    if (first === 'nothing') return { seen, end: 'open', next }
    if ('error' in first) return { seen, end: first.error }
    if (first.done === true) return { seen, end: 'done' }
    seen.push(first.value)
  }
  return { seen, end: 'stopped' }
}

const chunkOf = (bytes: number): Uint8Array => new Uint8Array(bytes - 8)

describe('a shared stream', () => {
  it('is read once, from its beginning by each, and recorded', async () => {
    const { source, stream } = share()
    const first = stream.read()
    await source.give('a')
    expect((await first.next()).value).toBe('a')
    await source.give('b')
    const second = stream.read()
    await source.end()
    expect((await drain(second)).seen).toEqual(['a', 'b'])
    expect(await drain(first)).toEqual({ seen: ['b'], end: 'done' })
    expect(await stream.recorded).toEqual({ chunks: ['a', 'b'], at: [0, 0] })
    expect((await drain(stream.read())).seen).toEqual(['a', 'b'])
  })

  it('is not held by who does not read', async () => {
    const { source, stream } = share()
    stream.read()
    for (const chunk of ['a', 'b', 'c']) await source.give(chunk)
    expect(source.asked).toBe(4)
    await source.end()
    expect((await stream.recorded)?.chunks).toHaveLength(3)
  })

  it('is not recorded when it fails, and fails for each where it has read all', async () => {
    const { source, stream } = share()
    const reader = stream.read()
    await source.give('a')
    const error = new Error('lost')
    await source.fail(error)
    expect(await drain(reader)).toEqual({ seen: ['a'], end: error })
    expect(await stream.recorded).toBeUndefined()
    expect(stream.isJoinable).toBe(false)
  })

  it('is not recorded when it ends without its finish', async () => {
    const isFinish = (chunk: unknown): boolean => chunk === 'finish'
    const cut = share({ isFinish })
    await cut.source.give('a')
    await cut.source.end()
    expect(await cut.stream.recorded).toBeUndefined()
    const whole = share({ isFinish })
    await whole.source.give('finish')
    await whole.source.end()
    expect((await whole.stream.recorded)?.chunks).toEqual(['finish'])
  })

  it('is cancelled when the last reader has left, even while the source is silent', async () => {
    const { source, stream, cancelled } = share()
    const [one, other] = [stream.read(), stream.read()]
    await source.give('a')
    await one.return?.()
    expect(cancelled).toHaveLength(0)
    expect((await other.next()).value).toBe('a')
    await other.return?.()
    expect(cancelled).toHaveLength(1)
    expect(source.returned).toBe(1)
    expect(await stream.recorded).toBeUndefined()
  })

  it('is read to its end for the record, if that is asked for', async () => {
    const { source, stream, cancelled } = share({ whenAllLeft: 'finish' })
    const reader = stream.read()
    await source.give('a')
    await reader.return?.()
    await source.give('b')
    await source.end()
    expect((await stream.recorded)?.chunks).toEqual(['a', 'b'])
    expect(cancelled).toHaveLength(0)
  })

  it('is cancelled beyond the limit, when nobody reads it any more', async () => {
    const { source, stream, cancelled } = share({ whenAllLeft: 'finish' })
    await stream.read().return?.()
    await source.give(chunkOf(1001))
    expect(cancelled).toHaveLength(1)
  })

  it('goes on beyond the limit without a record, at the pace of the fastest, and nobody joins', async () => {
    const { source, stream } = share()
    const reader = stream.read()
    await source.give(chunkOf(600))
    await source.give(chunkOf(600))
    expect(await stream.recorded).toBeUndefined()
    expect(stream.isJoinable).toBe(false)
    expect(source.isAwaited).toBe(false)
    expect((await drain(reader)).seen).toHaveLength(2)
    expect(source.isAwaited).toBe(true)
    await source.give(chunkOf(600))
    await turn()
    expect(source.isAwaited).toBe(true)
  })

  it('waits for its first reader beyond the limit', async () => {
    const { source, stream, cancelled } = share()
    await source.give(chunkOf(1500))
    expect([source.isAwaited, cancelled.length]).toEqual([false, 0])
    const reader = stream.read()
    expect((await drain(reader)).seen).toHaveLength(1)
    await source.end()
    expect((await reader.next()).done).toBe(true)
  })

  it('cuts off who is further behind than the limit, and goes on for the others', async () => {
    const { source, stream, cancelled } = share()
    const [fast, slow] = [stream.read(), stream.read()]
    for (let count = 0; count < 5; count++) {
      await source.give(chunkOf(300))
      expect((await fast.next()).done).toBe(false)
      await turn()
    }
    await expect(slow.next()).rejects.toThrow('maxRecordBytes')
    await source.end()
    expect((await fast.next()).done).toBe(true)
    expect(cancelled).toHaveLength(0)
  })

  it('lets go of what all have read, so who is a little behind is not cut off', async () => {
    const { source, stream } = share()
    const [fast, slow] = [stream.read(), stream.read()]
    for (let count = 0; count < 10; count++) {
      await source.give(chunkOf(300))
      expect((await fast.next()).done).toBe(false)
      if (count > 0) expect((await slow.next()).done).toBe(false)
      await turn()
    }
    await source.end()
    expect(await drain(slow)).toMatchObject({ seen: [expect.any(Uint8Array)], end: 'done' })
  })

  it('gives each reader what came, in order, one call for all, and a record exactly when it is whole', async () => {
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('give' as const), bytes: fc.integer({ min: 8, max: 90 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('finish', 'end', 'fail') }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('join' as const) }) },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('read' as const),
          who: fc.nat(5),
          most: fc.integer({ min: 1, max: 9 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), who: fc.nat(5) }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 40 }),
        fc.constantFrom('cancel', 'finish'),
        async (actions, whenAllLeft) => {
          const limitBytes = 300
          const { source, stream, cancelled } = share({
            limitBytes,
            whenAllLeft: whenAllLeft as 'cancel',
            isFinish: (chunk) => chunk === 'F',
          })
          const given: unknown[] = []
          let over = false
          let ended: string | undefined
          const readers: {
            reader: AsyncIterator<unknown, undefined>
            seen: unknown[]
            end: unknown
            pending?: Promise<unknown>
          }[] = []
          const readOn = async (at: number, most: number): Promise<void> => {
            const each = readers[at % Math.max(1, readers.length)]
            if (each === undefined || each.end !== undefined || each.pending !== undefined) return
            const { seen, end, next } = await drain(each.reader, most)
            each.seen.push(...seen)
            if (end === 'open')
              each.pending = next!.then(
                (result) => {
                  if (result.done === true) each.end ??= 'done'
                  else each.seen.push(result.value)
                  delete each.pending
                },
                (error: unknown) => void ((each.end ??= error), delete each.pending),
              )
            else if (end !== 'stopped') each.end = end
          }
          for (const step of actions) {
            if (step.kind === 'join' && stream.isJoinable)
              readers.push({ reader: stream.read(), seen: [], end: undefined })
            else if (step.kind === 'read') await readOn((step as { who: number }).who, (step as { most: number }).most)
            else if (step.kind === 'leave') {
              const each = readers[(step as { who: number }).who]
              if (each !== undefined && each.end === undefined) {
                each.end = 'left'
                await each.reader.return?.()
              }
            } else if (ended === undefined && source.isAwaited && cancelled.length === 0) {
              const chunk = step.kind === 'give' ? chunkOf((step as { bytes: number }).bytes) : 'F'
              if (step.kind === 'give' || step.kind === 'finish') {
                given.push(chunk)
                over ||= given.reduce((sum: number, one) => sum + approximateBytes(one), 0) > limitBytes
                await source.give(chunk)
              } else {
                ended = step.kind
                await (step.kind === 'end' ? source.end() : source.fail(new Error('lost')))
              }
            }
            await turn()
          }
          for (const [at, each] of readers.entries()) if (each.end === undefined) await readOn(at, Infinity)
          await turn()
          for (const { seen, end } of readers) {
            expect(seen).toEqual(given.slice(0, seen.length))
            if (end === 'done') expect([seen.length, ended]).toEqual([given.length, 'end'])
          }
          const whole = ended === 'end' && given.includes('F') && !over && cancelled.length === 0
          const recorded = await Promise.race([stream.recorded, turn().then(() => undefined)])
          expect(recorded?.chunks).toEqual(whole ? given : undefined)
          expect(source.asked).toBeLessThanOrEqual(given.length + 1)
        },
      ),
      { numRuns: 400 },
    )
  })
})
