import { expectTypeOf } from 'vitest'
import type { Cache, CacheManager, EntryInfo, WriteResult } from '../../src/contract/cache.ts'
import type { Duration, Lifetime, Size } from '../../src/contract/options.ts'

interface Factor {
  readonly name: string
}

declare const manager: CacheManager
declare const factors: Cache<Factor>

// A namespace keeps the type of its values through every verb.
expectTypeOf(manager.namespace<Factor>('factors')).toEqualTypeOf<Cache<Factor>>()
expectTypeOf(factors.get('steel')).resolves.toEqualTypeOf<Factor | undefined>()
expectTypeOf(factors.peek('steel')).toEqualTypeOf<Factor | undefined>()
expectTypeOf(factors.getOrSet('steel', () => ({ name: 'steel' }))).resolves.toEqualTypeOf<Factor>()
expectTypeOf(factors.getMany(['steel'])).resolves.toEqualTypeOf<Map<string, Factor>>()
expectTypeOf(factors.getEntry('steel')).resolves.toEqualTypeOf<EntryInfo<Factor> | undefined>()
expectTypeOf(factors.set('steel', { name: 'steel' })).resolves.toEqualTypeOf<WriteResult>()

// @ts-expect-error a value of another type
void factors.set('steel', 1.9)
// @ts-expect-error a loader of another type
void factors.getOrSet('steel', () => 1.9)

// A namespace without a type hands out what has to be looked at first.
expectTypeOf(manager.namespace('any').get('key')).resolves.toEqualTypeOf<unknown>()

// Durations and sizes are numbers or texts with a unit, and endless is said out loud.
expectTypeOf<'5m'>().toExtend<Duration>()
expectTypeOf<'forever'>().not.toExtend<Duration>()
expectTypeOf<'forever'>().toExtend<Lifetime>()
expectTypeOf<'5 minutes'>().not.toExtend<Duration>()
expectTypeOf<'64mb'>().toExtend<Size>()
