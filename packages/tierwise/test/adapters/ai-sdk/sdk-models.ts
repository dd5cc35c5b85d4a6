import { wrapLanguageModel } from 'ai'
import { convertArrayToReadableStream, MockLanguageModelV3 } from 'ai/test'
import { afterEach } from 'vitest'

import { cacheMiddleware } from '../../../src/adapters/ai-sdk/index.ts'
import type { CacheMiddlewareOptions } from '../../../src/adapters/ai-sdk/index.ts'
import { mapTier, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'

export type Generated = Awaited<ReturnType<MockLanguageModelV3['doGenerate']>>
export type StreamPart =
  Awaited<ReturnType<MockLanguageModelV3['doStream']>>['stream'] extends ReadableStream<infer P> ? P : never

const open: TestCache[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop()
})

const usage: Generated['usage'] = {
  inputTokens: { total: 10, noCache: 10, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 5, text: 5, reasoning: undefined },
}
const stop: Generated['finishReason'] = { unified: 'stop', raw: 'stop' }

export const answer = (text: string, change: Partial<Generated> = {}): Generated => ({
  content: [{ type: 'text', text }],
  finishReason: stop,
  usage,
  warnings: [],
  request: { body: 'secret' },
  response: { id: 'r1', timestamp: new Date(0), modelId: 'm', headers: { 'set-cookie': 'secret' } },
  ...change,
})

export const partsOf = (words: readonly string[], finishReason = stop): StreamPart[] => [
  { type: 'stream-start', warnings: [] },
  { type: 'response-metadata', id: 'r1', timestamp: new Date(0), modelId: 'm' },
  { type: 'text-start', id: '1' },
  ...words.map((delta): StreamPart => ({ type: 'text-delta', id: '1', delta })),
  { type: 'text-end', id: '1' },
  { type: 'finish', finishReason, usage, providerMetadata: { openai: { fingerprint: 'f' } } },
]

export function build(
  options: CacheMiddlewareOptions = {},
  model = new MockLanguageModelV3({
    doGenerate: async () => answer('An alloy.'),
    doStream: async () => ({ stream: convertArrayToReadableStream(partsOf(['An ', 'alloy.'])) }),
  }),
) {
  // Only a tier that keeps bytes: what comes back has been encoded.
  const made = testCache().tier(mapTier()).namespace('ai').build()
  open.push(made)
  const middleware = cacheMiddleware(made.cache, { runtime: made.runtime, ...options })
  return { ...made, middleware, inner: model, model: wrapLanguageModel({ model, middleware }) }
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
export const markOf = (metadata: unknown): unknown => (metadata as Record<string, unknown> | undefined)?.['tierwise']
