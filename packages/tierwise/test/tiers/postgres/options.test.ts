import { afterEach, describe, expect, it, vi } from 'vitest'

import { postgres, postgresMigrations, type PostgresOptions } from '../../../src/tiers/postgres/index.ts'

afterEach(() => vi.unstubAllEnvs())

describe('options of postgres', () => {
  it.each([
    [{ url: 'mysql://root:secret@db' }, /`postgres.url` is a value of type object; it must be a URL like/],
    [{ pool: {} }, /`postgres.pool` is a value of type object; it must be a Pool of the package pg/],
    [{ sql: 'select' }, /`postgres.sql` is 'select'; it must be the sql function/],
    [{ maxBytes: '1kb' }, /`postgres.maxBytes` is '1kb'; it must be a size of at least '1mb'/],
    [{ schema: 'nul\0' }, /`postgres.schema`/],
    [{ table: 'x'.repeat(41) }, /`postgres.table` is a long text; it must be a name of at most 40 bytes/],
    [{ shema: 'x' }, /`postgres.shema` is not an option. Did you mean `schema`\?/],
    [{ prepare: 'no' }, /`postgres.prepare` is 'no'; it must be true or false/],
    [{ statementTimeout: -1 }, /`postgres.statementTimeout` is -1/],
  ])('refuses %j', (options, message) => {
    const wrong = options as PostgresOptions
    expect(() => postgres(wrong)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_OPTION' }))
    expect(() => postgres(wrong)).toThrow(message)
    expect(() => postgres(wrong)).not.toThrow(/secret/)
  })

  it('refuses two connections at once', () => {
    expect(() => postgres({ url: 'postgres://db/app', dataDir: '.cache' })).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_CONFIG', message: expect.stringContaining('url, dataDir') as string }),
    )
  })

  it('takes the URL of the environment, unless something else is given', () => {
    vi.stubEnv('DATABASE_URL', 'postgres://me:secret@db/app')
    expect(postgres().identity).toBe('postgres db:5432/app "tierwise"."entries"')
    expect(postgres({ dataDir: '.cache' }).identity).toBe('postgres .cache "tierwise"."entries"')
    vi.stubEnv('DATABASE_URL', '')
    expect(postgres().identity).toBeUndefined()
  })

  it('compresses by default, and not when told', () => {
    expect(postgres().compression).toEqual({ algorithm: 'gzip', threshold: 1024 })
    expect(postgres({ compression: false })).not.toHaveProperty('compression')
  })

  it('are few for the text of the migrations', () => {
    expect(postgresMigrations({ schema: 'a"b', table: 'c' })).toContain('create schema if not exists "a""b";')
    expect(postgresMigrations()).toContain('create unlogged table if not exists "tierwise"."entries"')
    expect(postgresMigrations({ logged: true })).not.toContain('unlogged')
    expect(() => postgresMigrations({ pool: {} } as never)).toThrow(/not an option/)
  })
})
