import { describe, expectTypeOf, test } from 'vitest'

import { cached } from '../../src/decorators/index.ts'
import { createCacheManager } from '../../src/index.ts'
import type { Cache, CacheEvent, EntryInfo, LoaderContext, WriteResult } from '../../src/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'

interface Factor {
  readonly value: number
}

const manager = createCacheManager({ tiers: [memory()] })
const factors = manager.namespace<Factor>('factors')

describe('a namespace', () => {
  test('has the type of its values in every verb', () => {
    expectTypeOf(factors).toEqualTypeOf<Cache<Factor>>()
    expectTypeOf(factors.get('k')).resolves.toEqualTypeOf<Factor | undefined>()
    expectTypeOf(factors.peek('k')).toEqualTypeOf<Factor | undefined>()
    expectTypeOf(factors.getEntry('k')).resolves.toEqualTypeOf<EntryInfo<Factor> | undefined>()
    expectTypeOf(factors.getMany(['k'])).resolves.toEqualTypeOf<Map<string, Factor>>()
    expectTypeOf(factors.set('k', { value: 1 })).resolves.toEqualTypeOf<WriteResult>()
    // @ts-expect-error a value of another type
    void factors.set('k', { value: '1' })
  })

  test('holds values of unknown type when none is named', () => {
    expectTypeOf(manager.namespace('any').get('k')).resolves.toEqualTypeOf<unknown>()
  })

  test('gives the loader a typed context', () => {
    void factors.getOrSet('k', (context) => {
      expectTypeOf(context).toEqualTypeOf<LoaderContext<Factor>>()
      expectTypeOf(context.previous).toEqualTypeOf<{ readonly value: Factor; readonly ageMs: number } | undefined>()
      return { value: 1 }
    })
    // @ts-expect-error a loader of another type
    void factors.getOrSet('k', async () => 'text')
  })

  test('keeps the arguments of a wrapped function', () => {
    const wrapped = factors.wrap((region: string, year: number) => ({ value: region.length + year }))
    expectTypeOf(wrapped).toEqualTypeOf<(region: string, year: number) => Promise<Factor>>()
  })
})

describe('the manager', () => {
  test('infers the type of a value from its loader', () => {
    expectTypeOf(manager.getOrSet('k', () => 1, { namespace: 'numbers' })).resolves.toEqualTypeOf<number>()
  })

  test('narrows events by their type', () => {
    manager.on('load', (event) => {
      expectTypeOf(event).toEqualTypeOf<Extract<CacheEvent, { readonly type: 'load' }>>()
      expectTypeOf(event.durationMs).toBeNumber()
    })
    // @ts-expect-error no such event
    manager.on('lod', () => undefined)
  })

  test('refuses durations and sizes that are none', () => {
    // @ts-expect-error no such unit
    createCacheManager({ tiers: [memory()], defaults: { ttl: '5 minutes' } })
    // @ts-expect-error no such unit
    memory({ maxBytes: '10 megs' })
  })
})

describe('cached', () => {
  test('takes asynchronous methods only', () => {
    class Service {
      @cached({ namespace: 'service' })
      async load(id: number): Promise<string> {
        return String(id)
      }

      // @ts-expect-error its callers do not expect a promise
      @cached({ namespace: 'service' })
      compute(id: number): string {
        return String(id)
      }
    }
    expectTypeOf(new Service().load).toEqualTypeOf<(id: number) => Promise<string>>()
  })

  test('gives the key function the arguments of the method', () => {
    class Service {
      @cached({ namespace: 'service', key: (id: number) => `user:${id}` })
      async load(id: number): Promise<string> {
        return String(id)
      }
    }
    expectTypeOf(new Service().load).parameter(0).toBeNumber()
  })
})
