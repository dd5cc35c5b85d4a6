import { generateObject, generateText, jsonSchema, streamText, wrapLanguageModel } from 'ai-5'
import { convertArrayToReadableStream, MockLanguageModelV2 } from 'ai-5/test'
import { afterEach, describe, expect, it } from 'vitest'

import { cacheMiddleware } from '../../../src/adapters/ai-sdk/index.ts'
import { mapTier, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'

type Generated = Awaited<ReturnType<MockLanguageModelV2['doGenerate']>>

const open: TestCache[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop()
})

const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 }
const answer = (text: string, finishReason: Generated['finishReason'] = 'stop'): Generated => ({
  content: [{ type: 'text', text }],
  finishReason,
  usage,
  warnings: [],
  response: { id: 'r1', timestamp: new Date(0), modelId: 'm' },
})

function build(finishReason: Generated['finishReason'] = 'stop', text = 'An alloy.') {
  const made = testCache().tier(mapTier()).namespace('ai').build()
  open.push(made)
  const inner = new MockLanguageModelV2({
    doGenerate: async () => answer(text, finishReason),
    doStream: async () => ({
      stream: convertArrayToReadableStream([
        { type: 'stream-start', warnings: [] },
        { type: 'response-metadata', id: 'r1', timestamp: new Date(0), modelId: 'm' },
        { type: 'text-start', id: '1' },
        { type: 'text-delta', id: '1', delta: text },
        { type: 'text-end', id: '1' },
        { type: 'finish', finishReason, usage },
      ]),
    }),
  })
  const middleware = cacheMiddleware(made.cache, { specificationVersion: 'v2', runtime: made.runtime })
  return { ...made, inner, middleware, model: wrapLanguageModel({ model: inner, middleware }) }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('models of ai 5', () => {
  it('are asked once for a text', async () => {
    const { model, inner, middleware } = build()
    await generateText({ model, prompt: 'a' })
    const second = await generateText({ model, prompt: 'a' })
    expect([second.text, second.response.timestamp, second.usage.totalTokens]).toEqual(['An alloy.', new Date(0), 15])
    expect(second.providerMetadata?.['tierwise']).toMatchObject({ cached: true })
    expect(inner.doGenerateCalls).toHaveLength(1)
    expect(middleware.answers.statistics()['language-model']).toMatchObject({
      savedInputTokens: 10,
      savedOutputTokens: 5,
    })
  })

  it('are asked once for an object', async () => {
    const { model, inner } = build('stop', '{"name":"steel"}')
    const schema = jsonSchema<{ name: string }>({ type: 'object' })
    for (let count = 0; count < 2; count++)
      expect((await generateObject({ model, prompt: 'a', schema })).object).toEqual({ name: 'steel' })
    expect(inner.doGenerateCalls).toHaveLength(1)
  })

  it('are asked once for a stream', async () => {
    const { model, inner } = build()
    expect(await streamText({ model, prompt: 'a' }).text).toBe('An alloy.')
    await turn()
    const second = streamText({ model, prompt: 'a' })
    expect(await second.text).toBe('An alloy.')
    expect((await second.providerMetadata)?.['tierwise']).toMatchObject({ cached: true })
    expect(inner.doStreamCalls).toHaveLength(1)
  })

  it('are asked again after an answer that was cut', async () => {
    const { model, inner } = build('length')
    for (let count = 0; count < 2; count++) {
      await generateText({ model, prompt: 'a' })
      await streamText({ model, prompt: 'a' }).text
      await turn()
    }
    expect([inner.doGenerateCalls.length, inner.doStreamCalls.length]).toEqual([2, 2])
  })
})
