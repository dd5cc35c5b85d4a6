import { APICallError, generateObject, generateText, jsonSchema, stepCountIs, tool, wrapLanguageModel } from 'ai'
import { MockLanguageModelV3 } from 'ai/test'
import { describe, expect, it } from 'vitest'

import { cacheMiddleware } from '../../../src/adapters/ai-sdk/index.ts'
import { answer, build, markOf, turn } from './sdk-models.ts'

describe('generateText', () => {
  it('asks the model once, and says so', async () => {
    const { model, inner, middleware } = build()
    const first = await generateText({ model, prompt: 'What is steel?' })
    const second = await generateText({ model, prompt: 'What is steel?' })
    expect([first.text, second.text]).toEqual(['An alloy.', 'An alloy.'])
    expect(inner.doGenerateCalls).toHaveLength(1)
    expect(markOf(first.providerMetadata)).toMatchObject({ cached: false, source: 'call' })
    expect(markOf(second.providerMetadata)).toMatchObject({
      cached: true,
      source: 'cache',
      cachedAt: '2026-01-01T00:00:00.000Z',
    })
    expect(second.response.timestamp).toEqual(new Date(0))
    expect([second.usage, second.finishReason, second.response.id]).toEqual([first.usage, 'stop', 'r1'])
    expect(middleware.answers.statistics()['language-model']).toMatchObject({
      hits: 1,
      misses: 1,
      savedInputTokens: 10,
      savedOutputTokens: 5,
    })
  })

  it('gives the whole result to who made the call, and keeps nothing of what was sent', async () => {
    const { model, cache } = build()
    const first = await generateText({ model, prompt: 'a' })
    const second = await generateText({ model, prompt: 'a' })
    expect([first.request.body, second.request.body]).toEqual(['secret', undefined])
    expect(first.response.headers).toEqual({ 'set-cookie': 'secret' })
    for await (const key of cache.keys()) expect(JSON.stringify(await cache.get(key))).not.toContain('secret')
  })

  it.each([
    ['prompt', { prompt: 'b' }],
    ['system', { prompt: 'a', system: 's' }],
    ['temperature', { prompt: 'a', temperature: 0.5 }],
    ['seed', { prompt: 'a', seed: 1 }],
    ['length', { prompt: 'a', maxOutputTokens: 5 }],
    ['provider options', { prompt: 'a', providerOptions: { openai: { user: 'u' } } }],
    ['tools', { prompt: 'a', tools: { t: tool({ inputSchema: jsonSchema({ type: 'object' }) }) } }],
    [
      'file',
      {
        messages: [
          {
            role: 'user' as const,
            content: [{ type: 'file' as const, data: new Uint8Array([1]), mediaType: 'image/png' }],
          },
        ],
      },
    ],
    [
      'other file',
      {
        messages: [
          {
            role: 'user' as const,
            content: [{ type: 'file' as const, data: new Uint8Array([2]), mediaType: 'image/png' }],
          },
        ],
      },
    ],
    ['tenant', { prompt: 'a', providerOptions: { tierwise: { tenant: 'acme' } } }],
  ])('asks again for another %s, and once for the same', async (_, call) => {
    const { model, inner } = build()
    await generateText({ model, prompt: 'a' })
    await generateText({
      model,
      messages: [{ role: 'user', content: [{ type: 'file', data: new Uint8Array([3]), mediaType: 'image/png' }] }],
    })
    await generateText({ model, ...call } as Parameters<typeof generateText>[0])
    await generateText({ model, ...call } as Parameters<typeof generateText>[0])
    expect(inner.doGenerateCalls).toHaveLength(3)
  })

  it('asks again for another model or provider, and another header only where that is wanted', async () => {
    const { cache, runtime } = build()
    const models = [
      ['p', 'm'],
      ['p', 'n'],
      ['q', 'm'],
      ['p/m', 'x'],
      ['p', 'm/x'],
    ].map(
      ([provider, modelId]) =>
        new MockLanguageModelV3({ provider: provider!, modelId: modelId!, doGenerate: async () => answer('a') }),
    )
    for (const keyHeaders of [[], ['X-Region']]) {
      const middleware = cacheMiddleware(cache, { runtime, keyHeaders })
      for (const inner of models)
        for (const region of ['eu', 'us'])
          await generateText({
            model: wrapLanguageModel({ model: inner, middleware }),
            prompt: 'a',
            headers: { 'x-region': region },
          })
    }
    expect(models.map(({ doGenerateCalls }) => doGenerateCalls.length)).toEqual(models.map(() => 3))
  })

  it.each(['length', 'content-filter', 'error', 'other'] as const)(
    'does not keep what ended with %s',
    async (unified) => {
      const inner = new MockLanguageModelV3({
        doGenerate: async () => answer('An', { finishReason: { unified, raw: unified } }),
      })
      const { model } = build({}, inner)
      await generateText({ model, prompt: 'a' })
      await generateText({ model, prompt: 'a' })
      expect(inner.doGenerateCalls).toHaveLength(2)
      const lenient = build({ finishReasons: [unified] }, inner)
      await generateText({ model: lenient.model, prompt: 'a' })
      await generateText({ model: lenient.model, prompt: 'a' })
      expect(inner.doGenerateCalls).toHaveLength(3)
    },
  )

  it('does not look and does not keep where the call says so', async () => {
    const { model, inner } = build()
    for (const tierwise of [{ skip: true }, {}, { skip: true }, {}, { forceFresh: true }])
      await generateText({ model, prompt: 'a', providerOptions: { tierwise } })
    expect(inner.doGenerateCalls).toHaveLength(4)
  })

  it('keeps as long and under the tags that the call says', async () => {
    const { model, inner, middleware, runtime } = build({ ttl: '1h' })
    const call = { model, prompt: 'a', providerOptions: { tierwise: { ttl: '1m', tags: ['docs'] } } }
    await generateText(call)
    await middleware.answers.invalidate({ tags: ['docs'] })
    await generateText(call)
    expect(inner.doGenerateCalls).toHaveLength(2)
    await runtime.advance(61_000)
    await generateText(call)
    expect(inner.doGenerateCalls).toHaveLength(3)
  })

  it('makes one call for all who ask at once', async () => {
    const { model, inner } = build()
    await Promise.all(Array.from({ length: 5 }, () => generateText({ model, prompt: 'a' })))
    expect(inner.doGenerateCalls).toHaveLength(1)
  })

  it('goes on for the others when one who asks is aborted, and gives each the errors of the SDK', async () => {
    const inner = new MockLanguageModelV3({
      doGenerate: async ({ abortSignal }) => {
        for (let count = 0; count < 5; count++) await turn()
        abortSignal?.throwIfAborted()
        return answer('a')
      },
    })
    const { model } = build({}, inner)
    const abortion = new AbortController()
    const mine = generateText({ model, prompt: 'a', abortSignal: abortion.signal })
    const other = generateText({ model, prompt: 'a' })
    const refused = expect(mine).rejects.toMatchObject({ name: 'AbortError' })
    await turn()
    abortion.abort()
    await refused
    expect((await other).text).toBe('a')
  })

  it('lets the SDK try again what its provider says may be tried again', async () => {
    let calls = 0
    const inner = new MockLanguageModelV3({
      doGenerate: async () => {
        if (++calls === 1)
          throw new APICallError({
            message: 'busy',
            url: '',
            requestBodyValues: {},
            statusCode: 429,
            isRetryable: true,
            responseHeaders: { 'retry-after-ms': '1' },
          })
        return answer('a')
      },
    })
    const { model } = build({}, inner)
    expect((await generateText({ model, prompt: 'a' })).text).toBe('a')
    await expect(
      generateText({
        model: build(
          {},
          new MockLanguageModelV3({
            doGenerate: async () =>
              Promise.reject(new APICallError({ message: 'no', url: '', requestBodyValues: {}, statusCode: 400 })),
          }),
        ).model,
        prompt: 'a',
      }),
    ).rejects.toSatisfy((error) => APICallError.isInstance(error))
  })

  it('runs tools on what was cached, step by step', async () => {
    const inner = new MockLanguageModelV3({
      doGenerate: async ({ prompt }) =>
        prompt.some(({ role }) => role === 'tool')
          ? answer('1.85')
          : answer('', {
              content: [{ type: 'tool-call', toolCallId: 'c1', toolName: 'factor', input: '{"of":"steel"}' }],
              finishReason: { unified: 'tool-calls', raw: undefined },
            }),
    })
    const { model } = build({}, inner)
    let runs = 0
    const factor = tool({
      inputSchema: jsonSchema<{ of: string }>({ type: 'object' }),
      execute: async ({ of }) => ({ of, runs: ++runs > 0 }),
    })
    for (let count = 0; count < 2; count++) {
      const { text, steps } = await generateText({ model, prompt: 'a', tools: { factor }, stopWhen: stepCountIs(3) })
      expect([text, steps.length]).toEqual(['1.85', 2])
    }
    expect([inner.doGenerateCalls.length, runs]).toEqual([2, 2])
  })

  it('goes to the model when a call has parts that cannot be compared', async () => {
    const { model, inner, middleware } = build()
    await generateText({ model, prompt: 'a', providerOptions: { openai: { hook: (() => 1) as never } } })
    expect(inner.doGenerateCalls).toHaveLength(1)
    expect(middleware.answers.statistics()).toEqual({})
  })

  it('caches objects', async () => {
    const { model, inner } = build({}, new MockLanguageModelV3({ doGenerate: async () => answer('{"name":"steel"}') }))
    const schema = jsonSchema<{ name: string }>({ type: 'object', properties: { name: { type: 'string' } } })
    for (let count = 0; count < 2; count++)
      expect((await generateObject({ model, prompt: 'a', schema })).object).toEqual({ name: 'steel' })
    expect(inner.doGenerateCalls).toHaveLength(1)
  })
})
