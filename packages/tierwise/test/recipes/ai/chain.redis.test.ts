import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createCacheManager } from '../../../src/index.ts'
import type { CacheManager } from '../../../src/index.ts'
import { aiResponseCache, createLegacyKeyGenerator, embeddingsCache } from '../../../src/recipes/ai/index.ts'
import type { AiRequest, AiResponseCache } from '../../../src/recipes/ai/index.ts'
import { startRedis } from '../../../src/testing/servers/index.ts'
import type { RedisServer } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'

let server: RedisServer
const managers: CacheManager[] = []
beforeAll(async () => void (server = await startRedis()))
afterAll(async () => {
  for (const manager of managers) await manager.stop()
  await server.stop()
})

const secret = 'a secret of 16 bytes or more'

async function join(): Promise<CacheManager> {
  const manager = createCacheManager({
    tiers: [memory(), redis({ url: server.url })],
    namespaces: { ai_responses: { lease: '30s' }, older: { raw: { keyPrefix: '', values: 'bytes' } } },
  })
  managers.push(manager)
  await manager.start()
  await until(async () => (await manager.health()).healthy, { what: 'the first proof of the bus' })
  return manager
}

const answersOf = (manager: CacheManager): AiResponseCache =>
  aiResponseCache(manager, { keys: { secret }, textTiers: { tiers: ['redis'] }, waitForOthers: '50ms' })

async function all<C>(stream: AsyncIterable<C>): Promise<C[]> {
  const chunks: C[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

describe('answers in two processes over one Redis', { timeout: 30_000 }, () => {
  it('are made once in the fleet, and invalidated everywhere', async () => {
    const [one, other] = [answersOf(await join()), answersOf(await join())]
    const request: AiRequest = { operation: 'summarize', model: 'm', text: 'Steel is an alloy.' }
    let calls = 0
    const call = async () => ({ answer: ++calls, at: new Date(0), bytes: new Uint8Array([1, 2]) })
    const both = await Promise.all([one, other, one, other].map((each) => each.respond(request, call)))
    expect(new Set(both.map(({ response }) => response.answer))).toEqual(new Set([1]))
    expect((await other.respond(request, call)).response).toEqual({
      answer: 1,
      at: new Date(0),
      bytes: new Uint8Array([1, 2]),
    })
    await one.invalidate({ models: ['m'] })
    await until(async () => (await other.find(request)) === undefined, { what: 'the news of the tag' })
    expect((await other.respond(request, call)).response.answer).toBe(2)
  })

  it('of long texts are in Redis only, with keys that show nothing of the text', async () => {
    const manager = await join()
    const answers = answersOf(manager)
    const request: AiRequest = { operation: 'qa', model: 'm', text: 'private '.repeat(1000) }
    const { key } = await answers.respond(request, () => 'kept')
    expect(key).not.toContain('private')
    const held = await manager.namespace('ai_responses').inspect(key)
    expect(held.map(({ tier, state }) => [tier, state])).toEqual([
      ['memory', 'absent'],
      ['redis', 'fresh'],
    ])
    expect((await answersOf(await join()).respond(request, () => 'not called')).response).toBe('kept')
  })

  it('in pieces are live in each process, and kept from the one that has the right to', async () => {
    const [one, other] = [answersOf(await join()), answersOf(await join())]
    const request: AiRequest = { operation: 'chat', model: 'm', text: 'stream' }
    let go: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (go = resolve))
    const first = await one.stream(request, async function* () {
      yield { text: 'a', at: new Date(0) }
      await gate
      yield { text: 'b', at: new Date(1) }
    })
    const late = await other.stream(request, async function* () {
      yield { text: 'late', at: new Date(2) }
    })
    expect((await all(late)).map(({ text }) => text)).toEqual(['late'])
    go()
    const seen = await all(first)
    const third = answersOf(await join())
    await until(async () => (await third.stream(request, async function* () {})).cached, { what: 'the record' })
    const replayed = await third.stream<unknown>(request, async function* () {})
    expect(await all(replayed)).toEqual(seen)
  })

  it('are read from the raw keys of an older cache, which stay as they are', async () => {
    const manager = await join()
    const older = manager.namespace<Uint8Array>('older')
    const key = createLegacyKeyGenerator().key({ text: 'old: text', operation: 'qa', question: 'Why?' })
    await older.set(key, Buffer.from('rawj:{"answer":"old"}'), { ttl: '10m' })
    const answers = aiResponseCache(manager, { keys: { secret }, legacy: { cache: older } })
    const request: AiRequest = { operation: 'qa', model: 'm', text: 'old: text', question: 'Why?' }
    const { response, source, key: own } = await answers.respond(request, () => 'not called')
    expect([response, source]).toEqual([{ answer: 'old' }, 'legacy'])
    expect(await manager.namespace('ai_responses').ttl(own)).toBeLessThanOrEqual(600_000)
    expect(Buffer.from((await older.get(key))!).toString()).toBe('rawj:{"answer":"old"}')
  })

  it('keep vectors to the last bit', async () => {
    const [one, other] = [await join(), await join()]
    const vector = Float32Array.from([0.1, -0, 1e-40, 3.4e38])
    const options = { model: 'm', dimensions: 4, keys: { secret } }
    await embeddingsCache(one.namespace('embeddings'), options).embed('steel', () => [vector])
    const held = await embeddingsCache(other.namespace('embeddings'), options).embed('steel', () => [])
    expect(held).toEqual(vector)
    expect(Object.is(held[1], -0)).toBe(true)
  })
})
