import { jsonSchema, streamObject, streamText } from 'ai'
import { convertArrayToReadableStream, MockLanguageModelV3 } from 'ai/test'
import { describe, expect, it } from 'vitest'

import { build, markOf, partsOf, turn } from './sdk-models.ts'
import type { StreamPart } from './sdk-models.ts'

describe('streamText', () => {
  const allParts = async (model: Parameters<typeof streamText>[0]['model']): Promise<unknown[]> => {
    const parts: unknown[] = []
    for await (const part of streamText({ model, prompt: 'a' }).fullStream) parts.push(part)
    await turn()
    return parts
  }

  it('replays the same parts', async () => {
    const { model, inner } = build()
    const first = await allParts(model)
    const second = await allParts(model)
    const plain = (parts: readonly unknown[]): unknown =>
      JSON.parse(
        JSON.stringify(parts, (name, value: unknown) =>
          ['tierwise', 'messageId', 'id', 'request'].includes(name) ? undefined : value,
        ),
      )
    expect(plain(second)).toEqual(plain(first))
    expect(first.map((part) => (part as { type: string }).type)).toContain('text-delta')
    expect(inner.doStreamCalls).toHaveLength(1)
    const result = streamText({ model, prompt: 'a' })
    expect(await result.text).toBe('An alloy.')
    expect(markOf(await result.providerMetadata)).toMatchObject({ cached: true })
    expect(await result.providerMetadata).toMatchObject({ openai: { fingerprint: 'f' } })
    expect((await result.response).timestamp).toEqual(new Date(0))
  })

  it('shares one stream among all who ask at once', async () => {
    const { model, inner } = build()
    const texts = await Promise.all(Array.from({ length: 4 }, () => streamText({ model, prompt: 'a' }).text))
    expect(new Set(texts)).toEqual(new Set(['An alloy.']))
    expect(inner.doStreamCalls).toHaveLength(1)
  })

  it.each([
    ['was cut', partsOf(['An']).slice(0, -1)],
    [
      'had an error',
      [...partsOf(['An']).slice(0, -1), { type: 'error' as const, error: 'lost' }, ...partsOf([]).slice(-1)],
    ],
    ['ended for its length', partsOf(['An'], { unified: 'length', raw: undefined })],
  ])('does not keep what %s', async (_, parts) => {
    const inner = new MockLanguageModelV3({ doStream: async () => ({ stream: convertArrayToReadableStream(parts) }) })
    const { model } = build({}, inner)
    for (let count = 0; count < 2; count++) {
      for await (const __ of streamText({ model, prompt: 'a', onError: () => undefined }).fullStream);
      await turn()
    }
    expect(inner.doStreamCalls).toHaveLength(2)
  })

  it('stops the model when the only reader is aborted, and keeps nothing', async () => {
    let signal: AbortSignal | undefined
    const inner = new MockLanguageModelV3({
      doStream: async ({ abortSignal }) => {
        signal = abortSignal
        return {
          stream: new ReadableStream<StreamPart>({
            start: (controller) =>
              partsOf(['An'])
                .slice(0, 4)
                .forEach((part) => controller.enqueue(part)),
          }),
        }
      },
    })
    const { model } = build({}, inner)
    const abortion = new AbortController()
    const seen: string[] = []
    for await (const { type } of streamText({ model, prompt: 'a', abortSignal: abortion.signal }).fullStream) {
      seen.push(type)
      if (type === 'text-delta') abortion.abort()
    }
    expect(seen.at(-1)).toBe('abort')
    await turn()
    expect(signal?.aborted).toBe(true)
  })

  it('goes on for the others when the first who asked is aborted', async () => {
    let go: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (go = resolve))
    const inner = new MockLanguageModelV3({
      doStream: async ({ abortSignal }) => ({
        stream: ReadableStream.from(
          (async function* () {
            yield* partsOf(['An ']).slice(0, 4)
            await gate
            abortSignal?.throwIfAborted()
            yield* partsOf(['alloy.']).slice(3)
          })(),
        ),
      }),
    })
    const { model } = build({}, inner)
    const abortion = new AbortController()
    const mine = streamText({ model, prompt: 'a', abortSignal: abortion.signal })
    for await (const { type } of mine.fullStream) if (type === 'text-delta') break
    const other = streamText({ model, prompt: 'a' })
    const text = other.text
    await turn()
    abortion.abort()
    await turn()
    go()
    expect(await text).toBe('An alloy.')
    expect(inner.doStreamCalls).toHaveLength(1)
  })

  it('caches objects that are streamed', async () => {
    const inner = new MockLanguageModelV3({
      doStream: async () => ({ stream: convertArrayToReadableStream(partsOf(['{"name":', '"steel"}'])) }),
    })
    const { model } = build({}, inner)
    const schema = jsonSchema<{ name: string }>({ type: 'object', properties: { name: { type: 'string' } } })
    for (let count = 0; count < 2; count++) {
      const result = streamObject({ model, prompt: 'a', schema })
      for await (const _ of result.partialObjectStream);
      expect(await result.object).toEqual({ name: 'steel' })
      await turn()
    }
    expect(inner.doStreamCalls).toHaveLength(1)
  })
})
