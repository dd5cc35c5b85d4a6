import { describe, expect, test } from 'vitest'

import { opener } from './open.ts'
import { bodyOf } from './partner-server.ts'

const open = opener()

describe('responses of partners', () => {
  test.each(['memory', 'below', 'both'] as const)('are kept as long as they are fresh, in %s', async (tiers) => {
    const { server, responses, runtime } = await open({}, tiers)
    server.answerWith({ 'cache-control': 'max-age=60', 'content-type': 'text/plain; charset=utf-8' })
    const get = responses.forPartner('acme')
    const first = await get(server.url())
    expect([first.status, first.url, await bodyOf(first)]).toEqual([200, server.url(), '1'])
    await runtime.advance(59_000)
    const second = await get(new URL(server.url()))
    expect([second.status, second.statusText, second.url, second.redirected]).toEqual([200, 'OK', server.url(), false])
    expect([second.headers.get('age'), second.headers.get('content-type')]).toEqual(['59', 'text/plain; charset=utf-8'])
    expect(await bodyOf(second)).toBe('1')
    await runtime.advance(1000)
    expect(await bodyOf(get(`${server.url()}#part`))).toBe('2')
    expect(responses.stats()).toEqual({ hits: 1, staleHits: 0, confirmed: 0, misses: 2, around: 0 })
  })

  test.each([
    ['no directive', {}, 200],
    ['no-store', { 'cache-control': 'no-store, max-age=60' }, 200],
    ['NO-STORE', { 'cache-control': 'max-age=60, No-Store' }, 200],
    ['Private', { 'cache-control': 'max-age=60, Private' }, 200],
    ['private', { 'cache-control': 'private, max-age=60' }, 200],
    ['max-age=0', { 'cache-control': 'max-age=0' }, 200],
    ['a cookie', { 'cache-control': 'public, max-age=60', 'set-cookie': 'a=1' }, 200],
    ['Vary: *', { 'cache-control': 'max-age=60', vary: '*' }, 200],
    ['a failure', { 'cache-control': 'max-age=60' }, 500],
    ['a part', { 'cache-control': 'max-age=60' }, 206],
    ['a guess of its life', { 'last-modified': 'Thu, 01 Jan 2015 00:00:00 GMT' }, 203],
  ])('are not reused with %s', async (_what, headers, status) => {
    const { server, responses } = await open()
    server.answerWith(headers as Record<string, string>, status)
    const get = responses.forPartner('acme')
    expect([await bodyOf(get(server.url())), await bodyOf(get(server.url()))]).toEqual(['1', '2'])
  })

  test.each([
    ['private ones', { 'cache-control': 'private, max-age=60' }, { shared: false }],
    ['cookies and all', { 'cache-control': 'max-age=60', 'set-cookie': ['a=1', 'b=2'] }, { keepSetCookie: true }],
    [
      'guessed lives',
      { 'last-modified': 'Thu, 01 Jan 2015 00:00:00 GMT', date: 'Thu, 01 Jan 2026 00:00:00 GMT' },
      { heuristic: 0.1 },
    ],
  ])('are reused as the policy of a partner allows: %s', async (_what, headers, policy) => {
    const { server, recipe } = await open()
    const responses = recipe({ partners: { acme: policy } })
    server.answerWith(headers as Record<string, string>)
    const [acme, bell] = [responses.forPartner('acme'), responses.forPartner('bell')]
    expect([await bodyOf(acme(server.url())), await bodyOf(acme(server.url()))]).toEqual(['1', '1'])
    expect((await acme(server.url())).headers.getSetCookie()).toEqual(
      [(headers as Record<string, string | string[]>)['set-cookie'] ?? []].flat(),
    )
    expect([await bodyOf(bell(server.url())), await bodyOf(bell(server.url()))]).toEqual(['2', '3'])
  })

  test('to a request with Authorization are kept only where the partner says so', async () => {
    const { server, responses } = await open()
    const get = responses.forPartner('acme')
    const headers = { authorization: 'Bearer 1' }
    server.answerWith({ 'cache-control': 'max-age=60' })
    expect([await bodyOf(get(server.url(), { headers })), await bodyOf(get(server.url(), { headers }))]).toEqual([
      '1',
      '2',
    ])
    for (const directive of ['public', 's-maxage=60', 'must-revalidate']) {
      server.answerWith({ 'cache-control': `max-age=60, ${directive}` })
      const url = server.url(`/${directive}`)
      const before = server.count
      expect(await bodyOf(get(url, { headers }))).toBe(await bodyOf(get(url, { headers })))
      expect(server.count).toBe(before + 1)
    }
  })

  test('are confirmed by their ETag, which makes them fresh again', async () => {
    const { server, responses, runtime } = await open()
    server.answerVersion('"v1"', { 'cache-control': 'max-age=60', 'x-served-by': 'one' })
    const get = responses.forPartner('acme')
    await bodyOf(get(server.url()))
    await runtime.advance(61_000)
    server.answerVersion('"v1"', { 'cache-control': 'max-age=600', 'x-served-by': 'two' })
    const confirmed = await get(server.url())
    expect([confirmed.status, await bodyOf(confirmed), confirmed.headers.get('x-served-by')]).toEqual([200, '1', 'two'])
    expect(server.requests[1]?.headers['if-none-match']).toBe('"v1"')
    await runtime.advance(599_000)
    expect(await bodyOf(get(server.url()))).toBe('1')
    expect(server.count).toBe(2)
    expect(responses.stats()).toMatchObject({ hits: 1, confirmed: 1, misses: 1 })
    await runtime.advance(2000)
    server.answerVersion('"v2"', { 'cache-control': 'max-age=60' })
    expect(await bodyOf(get(server.url()))).toBe('3')
  })

  test('are confirmed by their Last-Modified', async () => {
    const { server, responses, runtime } = await open()
    const modified = 'Thu, 01 Jan 2015 00:00:00 GMT'
    server.handler = (request, response) => {
      const isKnown = request.headers['if-modified-since'] === modified
      response
        .writeHead(isKnown ? 304 : 200, { 'last-modified': modified, 'cache-control': 'no-cache' })
        .end(isKnown ? '' : 'body')
    }
    const get = responses.forPartner('acme')
    for (let times = 0; times < 3; times++) expect(await bodyOf(get(server.url()))).toBe('body')
    await runtime.advance(1000)
    expect(await bodyOf(get(server.url()))).toBe('body')
    expect(server.count).toBe(4)
    expect(responses.stats()).toMatchObject({ misses: 1, confirmed: 3 })
  })

  test('are asked for again when a 304 speaks of another one', async () => {
    const { server, responses, runtime } = await open()
    server.answerVersion('"v1"', { 'cache-control': 'max-age=60' })
    const get = responses.forPartner('acme')
    await bodyOf(get(server.url()))
    await runtime.advance(61_000)
    server.handler = (request, response) => {
      const isConditional = request.headers['if-none-match'] !== undefined
      response.writeHead(isConditional ? 304 : 200, { etag: '"v9"' }).end(isConditional ? undefined : 'whole')
    }
    expect(await bodyOf(get(server.url()))).toBe('whole')
    expect(server.count).toBe(3)
  })

  test('that are no longer to be kept are forgotten, at a 304 too', async () => {
    const { server, responses, runtime, cache } = await open()
    const get = responses.forPartner('acme')
    for (const status of [200, 304]) {
      server.answerWith({ 'cache-control': 'max-age=60, stale-if-error=600', etag: '"v1"' })
      await bodyOf(get(server.url()))
      await runtime.advance(61_000)
      server.answerWith({ 'cache-control': 'no-store', etag: '"v1"' }, status)
      await bodyOf(get(server.url()))
      const kept: string[] = []
      for await (const key of cache.keys()) kept.push(key)
      expect(kept).toEqual([])
      server.answerWith({}, 503)
      expect((await get(server.url())).status).toBe(503)
    }
  })

  test('need no confirmation while they are fresh with must-revalidate, and no stale one stands in', async () => {
    const { server, responses, runtime } = await open()
    const get = responses.forPartner('acme')
    server.answerVersion('"v1"', {
      'cache-control': 'max-age=60, must-revalidate, stale-if-error=600, stale-while-revalidate=600',
    })
    await bodyOf(get(server.url()))
    await runtime.advance(59_000)
    await bodyOf(get(server.url()))
    expect(server.count).toBe(1)
    await runtime.advance(2000)
    expect(await bodyOf(get(server.url()))).toBe('1')
    expect(responses.stats()).toMatchObject({ hits: 1, confirmed: 1 })
    await runtime.advance(61_000)
    server.answerWith({}, 503)
    expect((await get(server.url())).status).toBe(503)
  })

  test('stand in for a partner that fails as long as it allows with stale-if-error', async () => {
    const { server, responses, runtime } = await open()
    const get = responses.forPartner('acme')
    server.answerWith({ 'cache-control': 'max-age=60, stale-if-error=300' })
    await bodyOf(get(server.url()))
    for (const status of [500, 502, 503, 504]) {
      await runtime.advance(61_000)
      server.answerWith({}, status)
      const answer = await get(server.url())
      expect([answer.status, await bodyOf(answer)]).toEqual([200, '1'])
    }
    await runtime.advance(300_000)
    expect((await get(server.url())).status).toBe(504)
    expect(responses.stats()).toMatchObject({ staleHits: 4, misses: 2 })
  })

  test('do not stand in without stale-if-error, nor with no-cache, nor where the caller wants them confirmed', async () => {
    const { server, responses, runtime } = await open()
    const get = responses.forPartner('acme')
    const directives = ['max-age=60', 'no-cache, stale-if-error=600', 'max-age=600, stale-if-error=600']
    for (const [at, directive] of directives.entries()) {
      const url = server.url(`/${at}`)
      server.answerWith({ 'cache-control': directive, etag: '"v1"' })
      await bodyOf(get(url))
      await runtime.advance(61_000)
      server.answerWith({}, 503)
      expect((await get(url, at === 2 ? ({ cache: 'no-cache' } as RequestInit) : {})).status).toBe(503)
    }
  })

  test('stand in for a partner that cannot be reached, and its error reaches the callers otherwise', async () => {
    const { server, responses, runtime } = await open()
    const get = responses.forPartner('acme')
    server.answerWith({ 'cache-control': 'max-age=60, stale-if-error=300' })
    await bodyOf(get(server.url()))
    const url = server.url()
    await runtime.advance(61_000)
    server.handler = (request) => request.socket.destroy()
    expect(await bodyOf(get(url))).toBe('1')
    await runtime.advance(300_000)
    const asked = server.count
    const failures = await Promise.allSettled([get(url), get(url)])
    expect(failures.map((failure) => failure.status === 'rejected' && failure.reason)).toEqual([
      expect.any(TypeError),
      expect.any(TypeError),
    ])
    expect(server.count - asked).toBeLessThanOrEqual(2)
    await expect(get(server.url('/never'))).rejects.toThrow('fetch failed')
  })

  test('are served at once with stale-while-revalidate, while one caller’s question confirms them', async () => {
    const { server, responses, runtime } = await open()
    const get = responses.forPartner('acme')
    server.answerWith({ 'cache-control': 'max-age=60, stale-while-revalidate=60' })
    await bodyOf(get(server.url()))
    await runtime.advance(61_000)
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    server.handler = (_request, response) => {
      void held.then(() => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('new'))
    }
    const answers = await Promise.all([bodyOf(get(server.url())), bodyOf(get(server.url())), bodyOf(get(server.url()))])
    expect(answers).toEqual(['1', '1', '1'])
    release()
    await expect.poll(() => bodyOf(get(server.url()))).toBe('new')
    expect(server.count).toBe(2)
    await runtime.advance(121_000)
    expect(await bodyOf(get(server.url()))).toBe('new')
    expect(server.count).toBe(3)
  })

  test('are told apart by what they vary by', async () => {
    const { server, responses, runtime } = await open()
    const get = responses.forPartner('acme')
    server.handler = (request, response) => {
      const language = request.headers['accept-language'] ?? 'none'
      response.writeHead(200, { 'cache-control': 'max-age=60', vary: 'Accept-Language, X-Unit' }).end(language)
    }
    const ask = (language?: string): Promise<string> =>
      bodyOf(get(server.url(), language === undefined ? {} : { headers: { 'Accept-Language': language } }))
    const languages = ['de', 'fr', undefined, 'de', 'fr', undefined, 'it', 'it']
    const answers: string[] = []
    for (const language of languages) answers.push(await ask(language))
    expect(answers).toEqual(languages.map((language) => language ?? '*'))
    expect(server.count).toBe(4)
    await runtime.advance(61_000)
    expect([await ask('fr'), await ask('de'), await ask('fr'), await ask('de')]).toEqual(['fr', 'de', 'fr', 'de'])
    expect(server.count).toBe(6)
  })

  test('are found under what they vary by when the first of them is not fresh any more', async () => {
    const { server, responses, runtime } = await open()
    const get = responses.forPartner('acme')
    server.answerWith({ 'cache-control': 'max-age=60', vary: 'accept-language' })
    const ask = (language: string): Promise<string> =>
      bodyOf(get(server.url(), { headers: { 'accept-language': language } }))
    await ask('de')
    await runtime.advance(30_000)
    await ask('fr')
    await runtime.advance(31_000)
    expect([await ask('fr'), await ask('de'), await ask('fr')]).toEqual(['2', '3', '2'])
  })

  test('are not even kept where they vary by more than headers', async () => {
    const { server, responses, cache } = await open()
    server.answerWith({ 'cache-control': 'max-age=60', vary: 'accept, *', etag: '"v1"' })
    await bodyOf(responses.forPartner('acme')(server.url()))
    for await (const key of cache.keys()) expect(key).toBe('none')
  })

  test('with no-cache are confirmed each time, whatever else they and their callers say', async () => {
    const { server, responses } = await open()
    const get = responses.forPartner('acme')
    server.answerVersion('"v1"', { 'cache-control': 'no-cache, stale-while-revalidate=600' })
    const headers = { 'cache-control': 'max-stale=600' }
    for (let times = 0; times < 3; times++) await bodyOf(get(server.url()))
    await bodyOf(get(server.url(), { headers }))
    expect(server.count).toBe(4)
    expect(responses.stats()).toMatchObject({ misses: 1, confirmed: 3 })
  })

  test('honour what the caller says of its request', async () => {
    const { server, responses, runtime } = await open()
    const get = responses.forPartner('acme')
    server.answerWith({ 'cache-control': 'max-age=600' })
    await bodyOf(get(server.url()))
    await runtime.advance(30_000)
    const withDirective = (directive: string): Promise<string> =>
      bodyOf(get(server.url(), { headers: { 'cache-control': directive } }))
    expect(await withDirective('max-age=60')).toBe('1')
    expect(await withDirective('max-age=20')).toBe('2')
    expect(await withDirective('no-cache')).toBe('3')
    expect(await bodyOf(get(server.url(), { cache: 'reload' } as RequestInit))).toBe('4')
    expect(await bodyOf(get(server.url(), { cache: 'no-store' } as RequestInit))).toBe('5')
    expect(await bodyOf(get(server.url(), { headers: { range: 'bytes=0-1' } }))).toBe('6')
    expect(await bodyOf(get(server.url(), { headers: { 'if-none-match': '"x"' } }))).toBe('7')
    expect(await bodyOf(get(new Request(server.url())))).toBe('4')
    expect(responses.stats().around).toBe(3)
  })

  test('lose the headers of their connection', async () => {
    const { server, responses } = await open()
    server.answerWith({
      'cache-control': 'max-age=60',
      connection: 'keep-alive, x-hop',
      'x-hop': '1',
      'keep-alive': 'timeout=9',
      'x-end': '2',
    })
    const get = responses.forPartner('acme')
    for (let times = 0; times < 2; times++) {
      const { headers } = await get(server.url())
      expect(['connection', 'x-hop', 'keep-alive', 'x-end'].map((name) => headers.get(name))).toEqual([
        null,
        null,
        null,
        '2',
      ])
    }
  })

  test('without a body, and answers to HEAD, are kept for themselves', async () => {
    const { server, responses } = await open()
    const get = responses.forPartner('acme')
    server.answerWith({ 'cache-control': 'max-age=60' }, 204)
    for (let times = 0; times < 2; times++) expect((await get(server.url('/empty'))).status).toBe(204)
    server.answerWith({ 'cache-control': 'max-age=60', 'content-length': '5000000' })
    server.handler = (request, response) =>
      void response
        .writeHead(200, { 'cache-control': 'max-age=60', 'content-length': '3' })
        .end(request.method === 'GET' ? 'abc' : undefined)
    for (let times = 0; times < 2; times++) {
      const head = await get(server.url(), { method: 'head' })
      expect([head.headers.get('content-length'), await bodyOf(head)]).toEqual(['3', ''])
      expect(await bodyOf(get(server.url()))).toBe('abc')
    }
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'HEAD', 'GET'])
  })

  test('behind a redirect are not kept under the URL that was asked for', async () => {
    const { server, responses } = await open()
    server.handler = (request, response) => {
      if (request.url === '/old') response.writeHead(302, { location: '/new' }).end()
      else response.writeHead(200, { 'cache-control': 'max-age=60' }).end('new')
    }
    const get = responses.forPartner('acme')
    for (let times = 0; times < 2; times++) {
      const answer = await get(server.url('/old'))
      expect([answer.redirected, answer.url, await bodyOf(answer)]).toEqual([true, server.url('/new'), 'new'])
    }
    expect(server.requests.map(({ url }) => url)).toEqual(['/old', '/new', '/old', '/new'])
  })
})
