import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { LimitRule } from '../../src/contract/coordination.ts'
import { judge, type LimitState } from '../../src/coordination/limit-rules.ts'
import { limitReference } from './limit-reference.ts'

const start = 1_767_225_600_000
const count = fc.integer({ min: 1, max: 20 })
const periodMs = fc.constantFrom(1, 7, 60, 1000, 3_600_000)

const rules: Readonly<Record<LimitRule['kind'], fc.Arbitrary<LimitRule>>> = {
  bucket: fc.record({ kind: fc.constant('bucket'), capacity: count, limit: count, periodMs }),
  'fixed-window': fc.record({ kind: fc.constant('fixed-window'), limit: count, periodMs }),
  'sliding-window': fc.record({ kind: fc.constant('sliding-window'), limit: count, periodMs }),
}

/** Pauses around what the rule counts in, and what is asked for after them. */
const requests = (rule: LimitRule): fc.Arbitrary<readonly { readonly pauseMs: number; readonly cost: number }[]> => {
  const pauseMs = fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: Math.ceil(rule.periodMs / rule.limit) + 1 }),
    fc.integer({ min: 0, max: 2 * rule.periodMs }),
  )
  return fc.array(fc.record({ pauseMs, cost: fc.integer({ min: 1, max: 4 }) }), { maxLength: 60, size: 'max' })
}

describe.each(Object.keys(rules) as LimitRule['kind'][])('%s', (kind) => {
  const work = rules[kind].chain((rule) => requests(rule).map((asked) => ({ rule, asked })))

  test('allows what a slow and exact count allows, never more and never less', () => {
    fc.assert(
      fc.property(work, ({ rule, asked }) => {
        const reference = limitReference(rule)
        let state: LimitState | undefined
        let now = start
        for (const { pauseMs, cost } of asked) {
          now += pauseMs
          const outcome = judge(rule, state, { now, cost })
          expect(outcome.answer.allowed).toBe(reference.ask(now, cost))
          state = outcome.state
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('says when it will allow what it refuses: then it does, and not a millisecond before', () => {
    fc.assert(
      fc.property(work, ({ rule, asked }) => {
        let state: LimitState | undefined
        let now = start
        for (const { pauseMs, cost } of asked) {
          now += pauseMs
          const { answer, state: after } = judge(rule, state, { now, cost })
          state = after
          if (answer.allowed || answer.retryAfterMs === Infinity) continue
          const at = (ms: number): boolean => judge(rule, state, { now: now + ms, cost }).answer.allowed
          expect(at(answer.retryAfterMs)).toBe(true)
          expect(at(answer.retryAfterMs - 1)).toBe(false)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('says how much could be taken now, and when all of it', () => {
    fc.assert(
      fc.property(work, ({ rule, asked }) => {
        let state: LimitState | undefined
        let now = start
        for (const { pauseMs, cost } of asked) {
          now += pauseMs
          const { answer, state: after } = judge(rule, state, { now, cost })
          state = after
          if (answer.remaining > 0)
            expect(judge(rule, state, { now, cost: answer.remaining }).answer.allowed).toBe(true)
          expect(judge(rule, state, { now, cost: answer.remaining + 1 }).answer.allowed).toBe(false)
          const all = rule.kind === 'bucket' ? rule.capacity : rule.limit
          expect(judge(rule, state, { now: now + answer.resetAfterMs, cost: all }).answer.allowed).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('never allows more than there is', () => {
    fc.assert(
      fc.property(rules[kind], (rule) => {
        const all = rule.kind === 'bucket' ? rule.capacity : rule.limit
        expect(judge(rule, undefined, { now: start, cost: all + 1 }).answer).toMatchObject({
          allowed: false,
          retryAfterMs: Infinity,
        })
      }),
    )
  })
})
