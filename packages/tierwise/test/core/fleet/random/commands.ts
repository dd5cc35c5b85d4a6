import fc from 'fast-check'

import type { SharedOperation } from '../../../../src/testing/shared-store.ts'

export const keys = ['a', 'b', 'c'] as const
export type Key = (typeof keys)[number]

export const memberCount = 3

/** One step of a random run. Work is started and not awaited; only `advance` lets time pass. */
export type Command =
  | {
      readonly do: 'get' | 'getWithToken' | 'set' | 'invalidate' | 'expire' | 'mutate'
      readonly by: number
      readonly key: Key
    }
  | {
      readonly do: 'getOrSet'
      readonly by: number
      readonly key: Key
      readonly loadMs: number
      readonly forceFresh: boolean
    }
  | { readonly do: 'getMany' | 'setMany' | 'invalidateTags' | 'clear'; readonly by: number }
  | { readonly do: 'getOrSetMany'; readonly by: number; readonly loadMs: number }
  | { readonly do: 'advance'; readonly ms: number }
  | {
      readonly do: 'pause'
      readonly by: number
      readonly operation: SharedOperation
      readonly moment: 'before' | 'after'
    }
  /** Goes on with one of the pauses, whichever came first, or loses its calls. */
  | { readonly do: 'resume' | 'fail'; readonly which: number }
  /** One call is lost, before the store has heard of it or after. */
  | {
      readonly do: 'lose'
      readonly by: number
      readonly operation: SharedOperation
      readonly moment: 'before' | 'after'
    }
  /** The member is cut off for ever, and another one comes in its place: before it has a connection, or with one. */
  | { readonly do: 'replace'; readonly by: number; readonly isCut: boolean }
  | { readonly do: 'messages'; readonly by: number; readonly fault: MessageFault }
  | { readonly do: 'cut' | 'mend' | 'stall'; readonly by: number }
  | { readonly do: 'evict'; readonly key: Key; readonly part: 'record' | 'lease' | 'all' }
  | { readonly do: 'expireLease'; readonly key: Key }
  | { readonly do: 'flush' }

export type MessageFault = 'drop' | 'hold' | 'release' | 'duplicate' | 'shuffle'

export const by: fc.Arbitrary<number> = fc.nat(memberCount - 1)
export const key: fc.Arbitrary<Key> = fc.constantFrom(...keys)
const loadMs = fc.constantFrom(0, 0, 1, 3, 300, 3000)
const flag = (often: number): fc.Arbitrary<boolean> => fc.nat(99).map((draw) => draw < often)
const only = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name)
const operation = fc.constantFrom<SharedOperation>(
  ...(['change', 'change', 'tags', 'fill', 'acquire', 'get'] as const),
  ...(['affirm', 'poll', 'resync', 'release'] as const),
)
export const moment: fc.Arbitrary<'before' | 'after'> = fc.constantFrom('before', 'after')

/** Steps in the proportions in which they find bugs: many reads and short waits, some changes, few faults. */
export const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: only('advance'), ms: fc.constantFrom(0, 0, 0, 1, 2, 5, 100, 400, 1100, 6000) }),
  },
  { weight: 6, arbitrary: fc.record({ do: only('getOrSet'), by, key, loadMs, forceFresh: flag(15) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('get', 'get', 'getWithToken'), by, key }) },
  { weight: 3, arbitrary: fc.record({ do: only('set'), by, key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('invalidate', 'invalidate', 'expire', 'mutate'), by, key }) },
  { weight: 2, arbitrary: fc.record({ do: only('getOrSetMany'), by, loadMs }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('getMany', 'setMany', 'invalidateTags', 'clear'), by }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('pause', 'pause', 'lose'), by, operation, moment }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('resume', 'resume', 'fail'), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: only('replace'), by, isCut: flag(70) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: only('messages'),
      by,
      fault: fc.constantFrom('drop', 'hold', 'release', 'release', 'duplicate', 'shuffle'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut', 'mend', 'mend', 'stall'), by }) },
  { weight: 1, arbitrary: fc.record({ do: only('evict'), key, part: fc.constantFrom('record', 'lease', 'all') }) },
  { weight: 1, arbitrary: fc.record({ do: only('expireLease'), key }) },
  { weight: 1, arbitrary: flag(30).map((often): Command => (often ? { do: 'flush' } : { do: 'advance', ms: 0 })) },
) as fc.Arbitrary<Command>
