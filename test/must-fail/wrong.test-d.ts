import { expectTypeOf } from 'vitest'
import type { Cache } from '../../packages/tierwise/src/contract/cache.ts'
import type { Duration } from '../../packages/tierwise/src/contract/options.ts'

expectTypeOf<Awaited<ReturnType<Cache<number>['get']>>>().toEqualTypeOf<number>() // TS2344
export const wrong: Duration = '5 parsecs' // TS2322
