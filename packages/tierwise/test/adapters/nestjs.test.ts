import { Inject, Injectable, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Test } from '@nestjs/testing'
import type { TestingModule } from '@nestjs/testing'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'

import * as adapter from '../../src/adapters/nestjs/index.ts'
import { createCacheManager } from '../../src/index.ts'
import type { Cache, CacheManager } from '../../src/index.ts'
import { faultPlan, faultTier, mapTier } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { compiled } from '../decorators/compiled.ts'
import type * as service from './nest-service.ts'

const { TierwiseModule, getCacheManagerToken, getCacheToken } = adapter

const open: TestingModule[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
})

async function start(...imports: NonNullable<Parameters<typeof Test.createTestingModule>[0]['imports']>) {
  const app = await Test.createTestingModule({ imports }).compile()
  await app.init()
  open.push(app)
  return app
}

const { nestService } = await compiled<typeof service>(
  join(import.meta.dirname, 'nest-service.ts'),
  'as experimentalDecorators',
)
const { FactorModule, Factors, Broken, calls } = nestService({ Inject, Injectable, Module, ...adapter })
const stateOf = async (manager: CacheManager): Promise<string> => (await manager.health()).state

describe('TierwiseModule', () => {
  test('injects the manager and namespaces, and decorates methods of providers', async () => {
    const app = await start(TierwiseModule.forRoot({ options: { tiers: [memory()] } }), FactorModule)
    const factors = app.get(Factors)
    expect(factors.cache.name).toBe('factors')
    expect(factors.manager).toBe(app.get(getCacheManagerToken(), { strict: false }))
    expect([await factors.find('steel'), await factors.find('steel')]).toEqual(['steel 1', 'steel 1'])
    await factors.save('steel')
    expect(await factors.find('steel')).toBe('steel 2')
    expect(calls).toEqual(['steel', 'steel'])
    expect(factors.manager.namespace('factors').peek('find:steel')).toBe('steel 2')
    expect(app.get<Cache>(getCacheToken('factors'), { strict: false })).toBe(factors.cache)
  })

  test('keeps what other decorators have noted on a method', () => {
    expect(Reflect.getMetadata('noted', Factors.prototype.find)).toBe('below')
    expect(Object.keys(new Factors(undefined as never, undefined as never))).not.toContain('find')
  })

  test('starts and stops with the application', async () => {
    const manager = createCacheManager({ tiers: [memory(), mapTier()] })
    const app = await Test.createTestingModule({ imports: [TierwiseModule.forRoot({ manager })] }).compile()
    expect(await stateOf(manager)).toBe('new')
    await app.init()
    expect(await stateOf(manager)).toBe('started')
    await app.close()
    expect(await stateOf(manager)).toBe('stopped')
  })

  test('is made by a factory that other providers are injected into', async () => {
    class Settings {
      readonly ttl = '1h'
    }
    class SettingsModule {}
    Module({ providers: [Settings], exports: [Settings] })(SettingsModule)
    const root = TierwiseModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: async ({ ttl }: { ttl: '1h' }) => ({ options: { tiers: [memory()], defaults: { ttl } } }),
    })
    const { cache } = (await start(root, FactorModule)).get(Factors)
    await cache.set('key', 1)
    expect(await cache.ttl('key')).toBeGreaterThan(3_500_000)
  })

  test('keeps the manager to those that import it when it is not global', async () => {
    const root = TierwiseModule.forRoot({ options: { tiers: [memory()] }, isGlobal: false })
    await expect(start(root, FactorModule)).rejects.toThrow(/tierwise\.nestjs\.manager/)
  })

  test('fails when a tier cannot be opened, and for wrong options', async () => {
    const faults = faultPlan()
    faults.fail('open')
    const tiers = [memory(), faultTier(mapTier(), faults)]
    await expect(start(TierwiseModule.forRoot({ options: { tiers } }))).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
    })
    await expect(start(TierwiseModule.forRoot({}))).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
  })

  test('can be replaced in a test of what uses it', async () => {
    const manager = createCacheManager({ tiers: [memory()] })
    const app = await Test.createTestingModule({
      imports: [TierwiseModule.forRoot({ config: 'no-such-file.yaml' }), FactorModule],
    })
      .overrideProvider(getCacheManagerToken())
      .useValue(manager)
      .compile()
    open.push(app)
    expect(app.get(Factors).manager).toBe(manager)
  })

  test('stops after what uses it', async () => {
    const manager = createCacheManager({ tiers: [memory()] })
    const stopped: string[] = []
    class LastWords {
      async onApplicationShutdown(): Promise<void> {
        stopped.push(await stateOf(manager))
      }
    }
    class App {}
    Module({ imports: [TierwiseModule.forRoot({ manager })], providers: [LastWords] })(App)
    const app = await NestFactory.createApplicationContext(App, { logger: false })
    await app.close()
    expect(stopped).toEqual(['started'])
    expect(await stateOf(manager)).toBe('stopped')
  })
})

test('decorators outside of Nest use the process-wide manager, and static methods are refused', async () => {
  await expect(new Factors(undefined as never, undefined as never).find('steel')).rejects.toMatchObject({
    code: 'ERR_CACHE_NOT_INITIALIZED',
  })
  expect(Broken).toThrow('is static')
})
