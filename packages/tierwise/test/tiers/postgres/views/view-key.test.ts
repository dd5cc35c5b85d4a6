import { describe, expect, it } from 'vitest'

import { postgresViews, type PostgresViewsOptions } from '../../../../src/tiers/postgres/views/index.ts'
import { joinedKey } from '../../../../src/tiers/postgres/views/view-key.ts'

describe('keys made of columns', () => {
  const key = joinedKey(['a', 'b'])

  it.each([
    [['steel', 'EU'], 'steel:EU'],
    [['a:b', 'c'], String.raw`a\:b:c`],
    [[String.raw`a\ `, ':'], String.raw`a\\ :\:`],
    [['', ''], ':'],
  ])('%o is %s, both ways', (parts, text) => {
    expect(key.format(parts)).toBe(text)
    expect(key.parse(text)).toEqual(parts)
  })

  it.each(['steel', 'a:b:c', String.raw`a\b:c`, 'a:b\\'])('no row has the key %s', (text) => {
    expect(key.parse(text)).toBeUndefined()
  })

  it('a single column is the key as it is', () => {
    expect(joinedKey(['a']).parse(String.raw`x:\y`)).toEqual([String.raw`x:\y`])
    expect(joinedKey(['a']).format([String.raw`x:\y`])).toBe(String.raw`x:\y`)
  })
})

describe('options of postgresViews', () => {
  const url = 'postgres://nobody:hunter2@127.0.0.1:1/none'
  const factors = { view: 'factors_mv', key: 'id' }

  it.each([
    [{ url }, 'postgresViews.views'],
    [{ url, views: {} }, 'at least one view'],
    [{ url, views: { 'a:b': factors } }, 'views by namespace'],
    [{ url, views: { a: { key: 'id' } } }, 'postgresViews.views.a.view'],
    [{ url, views: { a: { view: 'v' } } }, 'postgresViews.views.a.key'],
    [{ url, views: { a: { ...factors, keys: 'id' } } }, 'Did you mean `key`?'],
    [{ url, views: { a: { ...factors, view: 'a.b.c' } } }, "'schema.name'"],
    [{ url, views: { a: { ...factors, view: 'v\0' } } }, 'without a NUL'],
    [{ url, views: { a: { ...factors, key: { columns: ['id'] } } } }, '{ columns, parse, format }'],
    [{ url, views: { a: { ...factors, refreshEvery: '0s' } } }, 'refreshEvery'],
    [{ url, views: { a: { ...factors, ttl: -1 } } }, 'ttl'],
    [{ url: 'hunter2', views: { a: factors } }, 'postgresViews.url'],
    [{ url, vews: { a: factors } }, 'Did you mean `views`?'],
  ])('refuses a wrong one and tells where (%#)', (options, complaint) => {
    const create = (): unknown => postgresViews(options as PostgresViewsOptions)
    expect(create).toThrow(complaint)
    expect(create).not.toThrow('hunter2')
  })
})
