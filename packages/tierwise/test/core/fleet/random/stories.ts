import fc from 'fast-check'

import { by, command, key, memberCount, moment, type Command, type Key } from './commands.ts'

type Steps = readonly Command[]

const pass = (...ms: readonly number[]): fc.Arbitrary<Steps> =>
  fc.constantFrom(...ms).map((each): Steps => [{ do: 'advance', ms: each }])

/** One member and the changes that it makes of one key: they may be answered in any order, or not at all. */
const overlappingChanges = fc.tuple(by, key).chain(([by, key]) => {
  const change = fc.constantFrom('set' as const, 'set' as const, 'invalidate' as const, 'mutate' as const)
  const fault = fc.constantFrom('pause' as const, 'pause' as const, 'lose' as const)
  const faulty = fc.tuple(fault, moment, change).map(([fault, moment, change]): Steps => [
    { do: fault, by, operation: 'change', moment },
    { do: change, by, key },
    { do: 'advance', ms: 0 },
  ])
  const ended = fc.tuple(fc.constantFrom('resume' as const, 'fail' as const), fc.nat(3))
  return fc.array(
    fc.oneof(
      { weight: 3, arbitrary: faulty },
      { weight: 1, arbitrary: change.map((change): Steps => [{ do: change, by, key }]) },
      { weight: 4, arbitrary: ended.map(([end, which]): Steps => [{ do: end, which }]) },
      { weight: 3, arbitrary: fc.constant<Steps>([{ do: 'get', by, key }]) },
      { weight: 2, arbitrary: pass(0, 0, 1, 400, 1100) },
    ),
    { minLength: 4, maxLength: 12 },
  )
})

/** A member that cannot reach the store at first, and what it tells the store once it can. */
const lateComer = fc.tuple(by, key).chain(([by, key]) => {
  const fault = fc.tuple(fc.constantFrom('pause' as const, 'lose' as const), moment)
  const anybody = fc.nat(memberCount - 1)
  const invalidation = fc.constantFrom('invalidateTags' as const, 'invalidateTags' as const, 'clear' as const)
  return fc
    .array(
      fc.oneof(
        { weight: 2, arbitrary: fault.map(([fault, moment]): Steps => [{ do: fault, by, operation: 'tags', moment }]) },
        { weight: 2, arbitrary: invalidation.map((verb): Steps => [{ do: verb, by }]) },
        { weight: 2, arbitrary: anybody.map((other) => [loading(other, key)]) },
        { weight: 3, arbitrary: fc.constant<Steps>([{ do: 'get', by, key }]) },
        { weight: 3, arbitrary: fc.constant<Steps>([{ do: 'mend', by }]) },
        { weight: 3, arbitrary: pass(0, 1, 400, 1100, 6000) },
      ),
      { minLength: 5, maxLength: 14 },
    )
    .map((steps): readonly Steps[] => [[{ do: 'replace', by, isCut: true }], ...steps])
})

const any = command.map((step): readonly Steps[] => [[step]])
const story = fc.oneof(overlappingChanges, lateComer)

/**
 * Most steps have nothing to do with each other; now and then a few of them are about one thing. Many runs end with such a
 * few, because what comes after hides what they have left.
 */
export const commands: fc.Arbitrary<Steps> = fc
  .tuple(
    fc.array(fc.oneof({ weight: 30, arbitrary: any }, { weight: 1, arbitrary: story }), {
      minLength: 5,
      maxLength: 50,
    }),
    fc.oneof(any, story, story),
  )
  .map(([parts, last]) => [...parts, last].flat(2))

function loading(by: number, key: Key): Command {
  return { do: 'getOrSet', by, key, loadMs: 0, forceFresh: false }
}
