import fc from 'fast-check'

export const keys = ['a', 'b', 'c'] as const
export type Key = (typeof keys)[number]

/** One step of a random run. Work is started and not awaited; only `advance` lets it go on. */
export type Command =
  | { readonly do: 'get' | 'getEntry' | 'delete' | 'expire' | 'touch' | 'mutate'; readonly key: Key }
  | {
      readonly do: 'getOrSet'
      readonly key: Key
      readonly loadMs: number
      readonly fails: boolean
      readonly forceFresh: boolean
    }
  | {
      readonly do: 'set'
      readonly key: Key
      readonly mode: 'through' | 'behind' | 'around'
      readonly only: number | undefined
    }
  | { readonly do: 'getMany' | 'setMany' | 'deleteMany' | 'invalidateTags' | 'clear' | 'invalidatePattern' }
  | { readonly do: 'getOrSetMany'; readonly loadMs: number }
  | { readonly do: 'advance'; readonly ms: number }
  | {
      readonly do: 'fault'
      readonly tier: number
      readonly operation: 'get' | 'set' | 'delete' | 'clear'
      readonly fault: Fault
    }
  | { readonly do: 'heal' }

export type Fault = 'fail' | 'lose reply' | 'hang' | 'damage'

const key = fc.constantFrom(...keys)
const flag = (often: number): fc.Arbitrary<boolean> => fc.nat(99).map((draw) => draw < often)

/** Steps in the proportions in which they find bugs: many reads and short waits, some changes, few faults. */
export const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(0, 1, 2, 3, 5, 10, 100, 300, 1100, 6000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('getOrSet' as const),
      key,
      loadMs: fc.nat(8),
      fails: flag(10),
      forceFresh: flag(15),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('get' as const, 'getEntry' as const), key }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('delete' as const, 'expire' as const, 'touch' as const, 'mutate' as const),
      key,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      key,
      mode: fc.constantFrom('through' as const, 'through' as const, 'behind' as const, 'around' as const),
      only: fc.option(fc.nat(3), { nil: undefined, freq: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('getOrSetMany' as const), loadMs: fc.nat(8) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'getMany' as const,
        'setMany' as const,
        'deleteMany' as const,
        'invalidateTags' as const,
        'clear' as const,
        'invalidatePattern' as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      tier: fc.nat(3),
      operation: fc.constantFrom('get' as const, 'set' as const, 'delete' as const, 'clear' as const),
      fault: fc.constantFrom('fail' as const, 'lose reply' as const, 'hang' as const, 'damage' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('heal' as const) }) },
)
