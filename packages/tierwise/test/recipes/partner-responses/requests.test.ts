import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'

import { createCacheManager } from '../../../src/index.ts'
import { partnerResponses } from '../../../src/recipes/partner-responses.ts'
import { loadHttpRules } from '../../../src/recipes/partner-responses/http-policy.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { opener } from './open.ts'
import { bodyOf } from './partner-server.ts'

const open = opener()
const fresh = { 'cache-control': 'max-age=60' }

describe('requests to partners', () => {
  test.each(['memory', 'below', 'both'] as const)('that come together are one, in %s', async (tiers) => {
    const { server, responses } = await open({}, tiers)
    server.answerWith(fresh)
    const get = responses.forPartner('acme')
    const answers = await Promise.all(Array.from({ length: 20 }, () => bodyOf(get(server.url()))))
    expect([server.count, new Set(answers)]).toEqual([1, new Set(['1'])])
  })

  test('that come together are one when a response has to be confirmed', async () => {
    const { server, responses, runtime } = await open()
    server.answerVersion('"v1"', fresh)
    const get = responses.forPartner('acme')
    await bodyOf(get(server.url()))
    await runtime.advance(61_000)
    await Promise.all(Array.from({ length: 20 }, () => bodyOf(get(server.url()))))
    expect(server.count).toBe(2)
  })

  test('that come together are answered each for itself when the response is not for all', async () => {
    const { server, responses } = await open()
    server.answerWith({ 'cache-control': 'private' })
    const get = responses.forPartner('acme')
    const answers = await Promise.all(Array.from({ length: 5 }, () => bodyOf(get(server.url()))))
    expect(answers.toSorted()).toEqual(['1', '2', '3', '4', '5'])
  })

  test('that come together get what they vary by', async () => {
    const { server, responses } = await open()
    server.handler = (request, response) =>
      void response.writeHead(200, { ...fresh, vary: 'accept-language' }).end(request.headers['accept-language'])
    const get = responses.forPartner('acme')
    const languages = ['de', 'fr', 'it', 'de', 'fr', 'it']
    const answers = await Promise.all(
      languages.map((language) => bodyOf(get(server.url(), { headers: { 'accept-language': language } }))),
    )
    expect(answers).toEqual(languages)
    expect(server.count).toBe(3)
  })

  test('end for the caller that gives up, and go on for the others', async () => {
    const { server, responses } = await open()
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    server.handler = (_request, response) => void held.then(() => response.writeHead(200, fresh).end('late'))
    const get = responses.forPartner('acme')
    const impatient = new AbortController()
    const first = get(server.url(), { signal: impatient.signal })
    const second = get(server.url())
    await expect.poll(() => server.count).toBe(1)
    impatient.abort(new Error('too slow'))
    await expect(first).rejects.toThrow('too slow')
    release()
    expect(await bodyOf(second)).toBe('late')
    expect(server.count).toBe(1)
    await expect(get(server.url(), { signal: AbortSignal.abort(new Error('never mind')) })).rejects.toThrow(
      'never mind',
    )
  })

  test('are aborted when the last caller has given up', async () => {
    const { server, responses } = await open()
    let isGone = false
    server.handler = (_request, response) => void response.on('close', () => (isGone = true))
    const controller = new AbortController()
    const waiting = responses.forPartner('acme')(server.url(), { signal: controller.signal })
    await expect.poll(() => server.count).toBe(1)
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    await expect.poll(() => isGone).toBe(true)
  })
})

describe('bodies', () => {
  const mebibyte = Buffer.from(Array.from({ length: 1_048_576 }, (_, at) => at % 251))
  const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
  const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer())

  test.each([
    ['with its length', { 'content-length': '1048577' }],
    ['without its length', {}],
  ])('that are larger than the limit come as they are and are not kept: %s', async (_what, headers) => {
    const { server, responses } = await open()
    const large = Buffer.concat([mebibyte, Buffer.from('x')])
    server.handler = (_request, response) => void response.writeHead(200, { ...fresh, ...headers }).end(large)
    const get = responses.forPartner('acme')
    for (const times of [1, 2]) {
      const answer = await get(server.url())
      expect([answer.status, answer.url, digest(await bytesOf(answer))]).toEqual([200, server.url(), digest(large)])
      expect(server.count).toBe(times)
    }
  })

  test('of the size of the limit are kept, byte by byte, and one caller cannot change them for another', async () => {
    const { server, responses } = await open()
    server.handler = (_request, response) => void response.writeHead(200, fresh).end(mebibyte)
    const get = responses.forPartner('acme')
    for (let times = 0; times < 3; times++) {
      const bytes = await bytesOf(await get(server.url()))
      expect(digest(bytes)).toBe(digest(mebibyte))
      bytes.fill(0)
    }
    expect(server.count).toBe(1)
  })

  test('that are not kept come while they are sent, and end when their caller wants that', async () => {
    const { server, recipe } = await open()
    let isGone = false
    server.handler = (_request, response) => {
      response.on('close', () => (isGone = true))
      response.writeHead(200, fresh)
      response.write('x'.repeat(100))
    }
    const controller = new AbortController()
    const get = recipe({ maxBodyBytes: 10 }).forPartner('acme')
    const answer = await get(server.url(), { signal: controller.signal })
    const reader = answer.body!.getReader()
    expect((await reader.read()).value).toHaveLength(100)
    controller.abort(new Error('enough'))
    await expect(reader.read()).rejects.toThrow('enough')
    await expect.poll(() => isGone).toBe(true)
  })

  test('that are left unread by a caller end at the partner', async () => {
    const { server, recipe } = await open()
    let isGone = false
    server.handler = (_request, response) => {
      response.on('close', () => (isGone = true))
      response.writeHead(200)
      response.write('x'.repeat(100))
    }
    const answer = await recipe({}).forPartner('acme')(server.url(), { signal: new AbortController().signal })
    await answer.body!.cancel()
    await expect.poll(() => isGone).toBe(true)
  })

  test('that break off are an error and are not kept', async () => {
    const { server, responses } = await open()
    server.handler = (_request, response) => {
      response.writeHead(200, { ...fresh, 'content-length': '10' })
      response.write('half')
      setImmediate(() => response.destroy())
    }
    const get = responses.forPartner('acme')
    await expect(bodyOf(get(server.url()))).rejects.toThrow(TypeError)
    server.answerWith(fresh)
    expect(await bodyOf(get(server.url()))).toBe('2')
  })
})

describe('partnerResponses', () => {
  test.each([
    [{ maxBodyBytes: -1 }, 'options.maxBodyBytes'],
    [{ keepStale: '0s' }, 'options.keepStale'],
    [{ shared: 'no' }, 'options.shared'],
    [{ partners: { acme: { heuristic: 2 } } }, 'partners.acme.heuristic'],
    [{ partners: { acme: { fetch: 1 } } }, 'partners.acme.fetch'],
    [{ maxbodybytes: 1 }, 'options.maxbodybytes'],
  ])('refuses %j', (options, path) => {
    const cache = createCacheManager({ tiers: [memory()] }).namespace('partner_responses')
    expect(() => partnerResponses(cache, options as object)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION' }),
    )
    expect(() => partnerResponses(cache, options as object)).toThrow(path)
  })

  test('uses the fetch it is given', async () => {
    const { recipe } = await open()
    const asked: unknown[] = []
    const responses = recipe({
      fetch: async (input, init) => {
        asked.push([input, init?.method])
        return new Response('given', { headers: fresh })
      },
    })
    const get = responses.forPartner('acme')
    expect([await bodyOf(get('https://acme.example/a')), await bodyOf(get('https://acme.example/a'))]).toEqual([
      'given',
      'given',
    ])
    expect(asked).toEqual([['https://acme.example/a', 'GET']])
    await expect(get('not a url')).rejects.toThrow(TypeError)
  })

  test('says which package is missing', async () => {
    const load = (): Promise<never> => Promise.reject(new Error('Cannot find package'))
    await expect(loadHttpRules(undefined, load)).rejects.toMatchObject({
      code: 'ERR_CACHE_PEER_MISSING',
      message: expect.stringContaining('npm install http-cache-semantics'),
    })
  })

  test('takes something else under its key for nothing', async () => {
    const { server, responses, cache } = await open()
    server.answerWith(fresh)
    const get = responses.forPartner('acme')
    await bodyOf(get(server.url()))
    for await (const key of cache.keys()) await cache.set(key, 'something else')
    expect([await bodyOf(get(server.url())), await bodyOf(get(server.url()))]).toEqual(['2', '2'])
  })
})
