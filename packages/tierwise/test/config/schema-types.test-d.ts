import { describe, expectTypeOf, test } from 'vitest'
import type * as z from 'zod'
import { defineConfig } from '../../src/config/index.ts'
import type { ResolvedConfig, TierwiseConfig } from '../../src/config/index.ts'
import { duration, section, text } from '../../src/config/schema/leaves.ts'
import type { configSchema } from '../../src/config/schema/schema.ts'
import type {
  CacheManagerOptions,
  DataClassOptions,
  GuardOptions,
  NamespaceOptions,
} from '../../src/contract/options.ts'

type Entry<T> = NonNullable<T>[keyof NonNullable<T>]

describe('a configuration', () => {
  test('is what the schema takes and gives', () => {
    expectTypeOf<z.input<typeof configSchema>>().toEqualTypeOf<ResolvedConfig>()
    expectTypeOf<z.output<typeof configSchema>>().toEqualTypeOf<ResolvedConfig>()
  })

  test('says of namespaces, data classes and guards what options say, option by option', () => {
    expectTypeOf<Entry<TierwiseConfig['namespaces']>>().toEqualTypeOf<NamespaceOptions | false | null>()
    expectTypeOf<Entry<NonNullable<TierwiseConfig['governance']>['dataClasses']>>().toEqualTypeOf<DataClassOptions>()
    expectTypeOf<Entry<TierwiseConfig['guards']>>().toEqualTypeOf<GuardOptions>()
  })

  test('says of a manager everything but what only code can hold', () => {
    type Missing = Exclude<keyof CacheManagerOptions, keyof TierwiseConfig>
    expectTypeOf<Missing>().toEqualTypeOf<'bus' | 'runtime'>()
    expectTypeOf<keyof ResolvedConfig>().extract<'profiles' | 'extends'>().toBeNever()
  })

  test('is checked where it is written', () => {
    defineConfig({ tiers: { memory: { maxBytes: '5mb' }, near: { type: 'disk', path: 'a' }, redis: false } })
    defineConfig({ preset: 'generic', profiles: { a: { extends: 'b', namespaces: { c: { keyFormat: /a/ } } } } })
    // @ts-expect-error a wrong unit
    defineConfig({ defaults: { ttl: '5 mins' } })
    // @ts-expect-error an unknown option
    defineConfig({ namespaces: { a: { tll: '5m' } } })
    // @ts-expect-error profiles in a profile
    defineConfig({ profiles: { a: { profiles: {} } } })
  })
})

describe('a section of the schema', () => {
  interface Own {
    readonly name: string
    readonly ttl?: number | `${number}s`
  }

  test('is held against the interface', () => {
    // @ts-expect-error an option is missing
    section<Own>('Own', { name: text }, ['name'])
    // @ts-expect-error an option of another type
    section<Own>('Own', { name: duration, ttl: duration }, ['name'])
    // @ts-expect-error an option that the interface does not have
    section<Own>('Own', { name: text, ttl: duration, more: text }, ['name'])
    // @ts-expect-error an option that can be left out is required
    section<Own>('Own', { name: text, ttl: duration }, ['ttl'])
  })
})
