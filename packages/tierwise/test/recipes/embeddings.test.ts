import { afterEach, describe, expect, it } from 'vitest'

import { ConfigError, LoaderError } from '../../src/index.ts'
import { embeddingsCache } from '../../src/recipes/ai/index.ts'
import type { EmbeddingsCacheOptions } from '../../src/recipes/ai/index.ts'
import { mapTier, testCache } from '../../src/testing/index.ts'
import type { TestCache } from '../../src/testing/index.ts'

const open: TestCache[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop()
})

function build(options: Partial<EmbeddingsCacheOptions> = {}, builder = testCache().memory().tier(mapTier())) {
  const made = builder.namespace('embeddings').build()
  open.push(made)
  const vectors = embeddingsCache(made.cache, { model: 'm', ...options })
  const asked: (readonly string[])[] = []
  const load = async (texts: readonly string[]) => {
    asked.push(texts)
    return texts.map((text) => [text.length, 0.1, -0])
  }
  return { ...made, vectors, asked, load }
}

describe('embeddings', () => {
  it('are asked for once a text, only where they are missing, and come in order', async () => {
    const { vectors, asked, load } = build()
    await vectors.embedMany(['b', 'aa'], load)
    const all = await vectors.embedMany(['ccc', 'aa', 'ccc', 'b', ''], load)
    expect(all.map(([length]) => length)).toEqual([3, 2, 3, 1, 0])
    expect(asked).toEqual([
      ['b', 'aa'],
      ['ccc', ''],
    ])
    expect((await vectors.embed('aa', load))[0]).toBe(2)
    expect(await vectors.embedMany([], load)).toEqual([])
    expect(asked).toHaveLength(2)
  })

  it('are asked for once by all who ask at once', async () => {
    const { vectors, asked, load } = build()
    await Promise.all([vectors.embedMany(['a', 'b'], load), vectors.embedMany(['b', 'c'], load)])
    expect(asked.flat().sort()).toEqual(['a', 'b', 'c'])
  })

  it.each([
    ['float32', Float32Array],
    ['float64', Float64Array],
  ] as const)('come back from a tier that keeps bytes as they were: %s', async (precision, Kind) => {
    const { vectors, load } = build({ precision }, testCache().tier(mapTier()))
    const given = Kind.from([1, 0.1, 1e-40, -0, 3.4e38])
    await vectors.embed('a', () => [given])
    const held = await vectors.embed('a', load)
    expect(held).toBeInstanceOf(Kind)
    expect(new Uint8Array(held.buffer, held.byteOffset, held.byteLength)).toEqual(new Uint8Array(given.buffer))
  })

  it('are not shared by models, versions, tenants, dimensions and parameters', async () => {
    const { cache, load, asked } = build()
    const kinds: EmbeddingsCacheOptions[] = [
      { model: 'm' },
      { model: 'n' },
      { model: 'm', version: '2' },
      { model: 'm', tenant: 'acme' },
      { model: 'm', dimensions: 3 },
      { model: 'm', parameters: { task: 'query' } },
      { model: 'm', precision: 'float64' },
      { model: 'm', keys: { secret: 'a secret of 16 bytes or more' } },
    ]
    for (const kind of kinds) await embeddingsCache(cache, kind).embed('a', load)
    expect(asked).toHaveLength(kinds.length)
  })

  it.each([
    ['a vector too few', [[1, 2]]],
    [
      'a vector too many',
      [
        [1, 2],
        [1, 2],
        [1, 2],
      ],
    ],
    [
      'a vector of a wrong length',
      [
        [1, 2],
        [1, 2, 3],
      ],
    ],
    [
      'a vector without numbers',
      [
        [1, 2],
        [1, NaN],
      ],
    ],
    ['no vectors', undefined],
  ])('are refused and not kept for %s', async (_, answer) => {
    const { vectors, asked, load } = build({ dimensions: 2 })
    await expect(vectors.embedMany(['a', 'b'], () => answer as never)).rejects.toThrow(LoaderError)
    await vectors.embedMany(['a', 'b'], async (texts) => (await load(texts)).map(([one]) => [one!, 1]))
    expect(asked).toEqual([['a', 'b']])
  })

  it('must be of one length where none is said', async () => {
    const { vectors } = build()
    await expect(vectors.embedMany(['a', 'b'], () => [[1, 2], [1]])).rejects.toThrow('dimensions')
    await expect(vectors.embed('a', () => [[]])).rejects.toThrow('dimensions')
  })

  it('are of the normalized text, which the model is given', async () => {
    const { vectors, asked, load } = build({ normalize: (text) => text.normalize('NFC').trim() })
    await vectors.embedMany([' e\u0301', 'é '], load)
    expect(asked).toEqual([['é']])
    const plain = build()
    await plain.vectors.embedMany(['a', 'a '], plain.load)
    expect(plain.asked).toEqual([['a', 'a ']])
  })

  it('live as long as the options say', async () => {
    const { cache, vectors, load } = build({ ttl: '1d' })
    await vectors.embed('a', load)
    for await (const key of cache.keys()) expect(await cache.ttl(key)).toBe(86_400_000)
  })

  it('are not waited for any longer when the signal says so', async () => {
    const { vectors } = build()
    const abortion = new AbortController()
    const wait = vectors.embed(
      'a',
      (_texts, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      { signal: abortion.signal },
    )
    setImmediate(() => abortion.abort())
    await expect(wait).rejects.toMatchObject({ code: 'ERR_CACHE_ABORTED' })
  })

  it.each([[{ model: '' }], [{ dimensions: 0 }], [{ dimensions: 1.5 }], [{ precision: 'float16' as never }]])(
    'refuse wrong options: %j',
    (options) => {
      expect(() => build(options)).toThrow(ConfigError)
    },
  )
})
