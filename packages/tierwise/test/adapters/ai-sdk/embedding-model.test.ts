import { APICallError, embedMany, wrapEmbeddingModel } from 'ai'
import { MockEmbeddingModelV3 } from 'ai/test'
import { afterEach, describe, expect, it } from 'vitest'

import { embeddingCacheMiddleware } from '../../../src/adapters/ai-sdk/index.ts'
import { mapTier, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'

const open: TestCache[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop()
})

function build(): TestCache {
  const made = testCache().tier(mapTier()).namespace('vectors').build()
  open.push(made)
  return made
}

const markOf = (metadata: unknown): unknown => (metadata as Record<string, unknown> | undefined)?.['tierwise']

describe('embedMany', () => {
  it('asks for the vectors that are missing, and gives them back to the last digit', async () => {
    const { cache } = build()
    const asked: (readonly string[])[] = []
    const inner = new MockEmbeddingModelV3({
      maxEmbeddingsPerCall: 10,
      doEmbed: async ({ values }) => {
        asked.push(values)
        return { embeddings: values.map((text) => [text.length, 0.1]), usage: { tokens: values.length }, warnings: [] }
      },
    })
    const model = wrapEmbeddingModel({ model: inner, middleware: embeddingCacheMiddleware(cache) })
    await embedMany({ model, values: ['a', 'bb'] })
    const second = await embedMany({ model, values: ['bb', 'ccc', 'a', 'ccc'] })
    expect(second.embeddings).toEqual([
      [2, 0.1],
      [3, 0.1],
      [1, 0.1],
      [3, 0.1],
    ])
    expect(asked).toEqual([['a', 'bb'], ['ccc']])
    expect(second.usage.tokens).toBe(1)
    expect(markOf(second.providerMetadata)).toEqual({ cached: 2, asked: 1 })
    const third = await embedMany({ model, values: ['a'] })
    expect([third.embeddings, third.usage.tokens, markOf(third.providerMetadata)]).toEqual([
      [[1, 0.1]],
      0,
      { cached: 1, asked: 0 },
    ])
    await embedMany({ model, values: ['a'], providerOptions: { openai: { dimensions: 2 } } })
    expect(asked).toHaveLength(3)
  })

  it('rejects with the errors of the SDK', async () => {
    const { cache } = build()
    const inner = new MockEmbeddingModelV3({
      doEmbed: async () => Promise.reject(new APICallError({ message: 'no', url: '', requestBodyValues: {} })),
    })
    const model = wrapEmbeddingModel({ model: inner, middleware: embeddingCacheMiddleware(cache) })
    await expect(embedMany({ model, values: ['a'] })).rejects.toSatisfy((error) => APICallError.isInstance(error))
  })
})
