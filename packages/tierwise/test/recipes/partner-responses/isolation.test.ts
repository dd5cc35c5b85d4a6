import { describe, expect, test } from 'vitest'

import { opener } from './open.ts'
import { bodyOf } from './partner-server.ts'

const open = opener()
const fresh = { 'cache-control': 'public, max-age=60' }

describe('what a partner is told', () => {
  test('is seen by no other partner, for the same URL and in the same breath', async () => {
    const { server, responses } = await open()
    server.answerWith(fresh)
    const [acme, bell] = [responses.forPartner('acme'), responses.forPartner('bell')]
    const answers = await Promise.all([acme, bell].map((get) => bodyOf(get(server.url()))))
    expect(answers.toSorted()).toEqual(['1', '2'])
    expect(await bodyOf(acme(server.url()))).toBe(answers[0])
    expect(await bodyOf(bell(server.url()))).toBe(answers[1])
  })

  test.each([
    ['authorization', 'Bearer a', 'Bearer b'],
    ['cookie', 'session=a', 'session=b'],
    ['X-Api-Key', 'a', 'b'],
    ['X-Auth-Token', 'a', 'b'],
    ['X-Client-Secret', 'a', 'b'],
  ])('is seen with the same %s only', async (name, one, other) => {
    const { server, responses } = await open()
    server.answerWith(fresh)
    const get = responses.forPartner('acme')
    const values = [one, other, one, undefined, other, undefined]
    const answers: string[] = []
    for (const value of values)
      answers.push(await bodyOf(get(server.url(), value === undefined ? {} : { headers: { [name]: value } })))
    expect(answers).toEqual(['1', '2', '1', '3', '2', '3'])
  })

  test('is seen with the same credential of its policy only, and header by header as that says', async () => {
    const { server, recipe } = await open()
    server.answerWith(fresh)
    const withCredential = (credential: string): ReturnType<ReturnType<typeof recipe>['forPartner']> =>
      recipe({ credential, credentialHeaders: ['X-Badge'] }).forPartner('acme')
    expect([await bodyOf(withCredential('a')(server.url())), await bodyOf(withCredential('b')(server.url()))]).toEqual([
      '1',
      '2',
    ])
    const ask = (headers: Record<string, string>): Promise<string> =>
      bodyOf(withCredential('a')(server.url(), { headers }))
    expect([await ask({ 'x-badge': '1' }), await ask({ 'x-badge': '2' }), await ask({ 'x-api-key': '2' })]).toEqual([
      '3',
      '4',
      '1',
    ])
  })

  test('shows no credential and no URL to whoever reads the store', async () => {
    const { server, responses, cache, recipe } = await open()
    server.answerWith({ ...fresh, vary: 'Authorization, Accept' })
    const headers = { authorization: 'Bearer hidden', 'x-other': 'hidden' }
    await bodyOf(responses.forPartner('acme')(server.url('/?key=hidden'), { headers }))
    const keys: string[] = []
    for await (const key of cache.keys()) keys.push(key)
    expect(keys).toEqual([expect.stringMatching(/^acme:[0-9a-f]{64}$/)])
    const entry = await cache.getEntry(keys[0]!)
    expect(JSON.stringify(entry)).not.toContain('hidden')
    expect(entry?.tags).toEqual(['partner:acme', expect.stringMatching(/^url:[0-9a-f]{64}$/)])
    await bodyOf(recipe({ secret: 's' }).forPartner('acme')(server.url('/?key=hidden'), { headers }))
    expect(server.count).toBe(2)
  })

  test('is forgotten for one partner, or for one URL of it, with whatever credentials', async () => {
    const { server, responses } = await open()
    server.answerWith(fresh)
    const [acme, bell] = [responses.forPartner('acme'), responses.forPartner('bell')]
    const headers = { authorization: 'a' }
    const askAll = async (): Promise<string> =>
      (
        await Promise.all([
          bodyOf(acme(server.url('/1'))),
          bodyOf(acme(server.url('/1'), { headers })),
          bodyOf(acme(server.url('/2'))),
          bodyOf(bell(server.url('/1'))),
        ])
      ).join()
    const first = (await askAll()).split(',')
    expect(await askAll()).toBe(first.join())
    await responses.invalidateUrl('acme', server.url('/1#part'))
    const second = (await askAll()).split(',')
    expect(second.map((answer, at) => answer === first[at])).toEqual([false, false, true, true])
    await responses.invalidatePartner('acme')
    const third = (await askAll()).split(',')
    expect(third.map((answer, at) => answer === second[at])).toEqual([false, false, false, true])
  })

  test.each(['', 'a:b', 'a/b', 'x'.repeat(65), 'a b'])('cannot be mixed up by the name %j', async (name) => {
    const { responses } = await open()
    expect(() => responses.forPartner(name)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_OPTION' }))
    await expect(responses.invalidatePartner(name)).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
  })
})

describe('unsafe methods', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PURGE'])(
    '%s reaches the partner and forgets its URL',
    async (method) => {
      const { server, responses } = await open()
      server.answerWith(fresh)
      const [acme, bell] = [responses.forPartner('acme'), responses.forPartner('bell')]
      await bodyOf(acme(server.url()))
      await bodyOf(bell(server.url()))
      await bodyOf(acme(server.url('/other')))
      const init = method === 'DELETE' || method === 'PURGE' ? { method } : { method, body: 'x' }
      expect(await bodyOf(acme(server.url(), init))).toBe('4')
      expect(server.requests.at(-1)?.method).toBe(method)
      expect(await bodyOf(acme(server.url('/other')))).toBe('3')
      expect(await bodyOf(bell(server.url()))).toBe('2')
      expect(await bodyOf(acme(server.url()))).toBe('5')
    },
  )

  test('forget what the response names, of the same origin', async () => {
    const { server, responses } = await open()
    server.answerWith(fresh)
    const get = responses.forPartner('acme')
    const paths = ['/location', '/content', '/kept']
    for (const path of paths) await bodyOf(get(server.url(path)))
    server.answerWith({ location: '/location', 'content-location': server.url('/content') }, 201)
    await bodyOf(get(server.url('/new'), { method: 'POST' }))
    server.answerWith(fresh)
    const answers: string[] = []
    for (const path of paths) answers.push(await bodyOf(get(server.url(path))))
    expect(answers).toEqual(['5', '6', '3'])
  })

  test('forget nothing that the response names of another origin', async () => {
    const { recipe } = await open()
    let asked = 0
    const get = recipe({
      fetch: async () =>
        new Response(String(++asked), { headers: { ...fresh, location: 'https://other.example/kept' } }),
    }).forPartner('acme')
    expect(await bodyOf(get('https://other.example/kept'))).toBe('1')
    await get('https://acme.example/', { method: 'POST' })
    expect(await bodyOf(get('https://other.example/kept'))).toBe('1')
  })

  test('forget nothing that the partner refused, and what it may have done before it was lost', async () => {
    const { server, responses } = await open()
    server.answerWith(fresh)
    const get = responses.forPartner('acme')
    await bodyOf(get(server.url()))
    server.answerWith(fresh, 409)
    await bodyOf(get(server.url(), { method: 'POST' }))
    expect(await bodyOf(get(server.url()))).toBe('1')
    server.handler = (request) => request.socket.destroy()
    await expect(get(server.url(), { method: 'POST' })).rejects.toThrow('fetch failed')
    server.answerWith(fresh)
    expect(await bodyOf(get(server.url()))).not.toBe('1')
  })

  test('keep out what was asked for before them and came after', async () => {
    const { server, responses } = await open()
    const get = responses.forPartner('acme')
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    server.handler = (request, response) => {
      if (request.method === 'POST') response.end()
      else void held.then(() => response.writeHead(200, fresh).end('old'))
    }
    const reading = bodyOf(get(server.url()))
    await expect.poll(() => server.count).toBe(1)
    await bodyOf(get(server.url(), { method: 'POST' }))
    release()
    expect(await reading).toBe('old')
    server.answerWith(fresh)
    expect(await bodyOf(get(server.url()))).toBe('3')
  })

  test('and OPTIONS go by the cache', async () => {
    const { server, responses } = await open()
    server.answerWith(fresh)
    const get = responses.forPartner('acme')
    await bodyOf(get(server.url()))
    expect(await bodyOf(get(server.url(), { method: 'OPTIONS' }))).toBe('2')
    expect(await bodyOf(get(server.url()))).toBe('1')
    expect(responses.stats()).toMatchObject({ around: 1, hits: 1 })
  })
})
