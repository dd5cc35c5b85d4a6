import fc from 'fast-check'
import { expect, test } from 'vitest'

import type { CoordinationStore, TextCondition } from '../../../src/contract/coordination.ts'
import { memoryCoordination } from '../../../src/coordination/memory/memory-coordination.ts'
import { TierError } from '../../../src/errors.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { checkTimers } from '../../../src/testing/invariants.ts'
import { CoordinationModel, refused } from './coordination-model.ts'

/** The same step at the store and at the model. */
type Step = readonly [
  what: string,
  atStore: (store: CoordinationStore) => Promise<unknown>,
  atModel: (model: CoordinationModel) => unknown,
]

const key = fc.constantFrom('a', 'b')
const name = fc.constantFrom('x', 'y', 'z', '__proto__')
const ttlMs = fc.constantFrom(1, 5, 20, 1500, Infinity)
const maybeTtlMs = fc.option(ttlMs, { nil: undefined })
const score = fc.integer({ min: -3, max: 3 })
const value = fc.constantFrom('', '1', 'one')
const condition: fc.Arbitrary<TextCondition | undefined> = fc.constantFrom<TextCondition | undefined>(
  undefined,
  'absent',
  'present',
  { is: '1' },
)
const change = fc.constantFrom('1', '2', null)

const steps: readonly fc.Arbitrary<Step>[] = [
  fc
    .tuple(key, value, ttlMs, condition)
    .map(([k, v, ms, onlyIf]) => [
      `write ${k} ${v} ${ms} ${JSON.stringify(onlyIf)}`,
      (store) => store.write(k, v, { ttlMs: ms, onlyIf }),
      (model) => model.write(k, v, { ttlMs: ms, onlyIf }),
    ]),
  fc
    .tuple(key, score, ttlMs)
    .map(([k, by, ms]) => [`add ${k} ${by} ${ms}`, (store) => store.add(k, by, ms), (model) => model.add(k, by, ms)]),
  key.map((k) => [`remove ${k}`, (store) => store.remove(k), (model) => model.remove(k)]),
  fc
    .tuple(key, fc.array(fc.record({ member: name, ttlMs }), { maxLength: 4 }))
    .map(([k, members]) => [
      `enter ${k} ${JSON.stringify(members)}`,
      (store) => store.enter(k, members),
      (model) => model.enter(k, members),
    ]),
  fc
    .tuple(key, fc.array(name, { maxLength: 3 }))
    .map(([k, names]) => [
      `leave ${k} ${names.join()}`,
      (store) => store.leave(k, names),
      (model) => model.leave(k, names),
    ]),
  key.map((k) => [`members ${k}`, async (store) => [...(await store.members(k))].sort(), (model) => model.members(k)]),
  key.map((k) => [`size ${k}`, (store) => store.size(k), (model) => sizeOf(model.members(k))]),
  fc
    .tuple(key, fc.array(name, { maxLength: 3 }))
    .map(([k, names]) => [
      `contains ${k} ${names.join()}`,
      (store) => store.contains(k, names),
      (model) => isIn(model.members(k), names),
    ]),
  fc
    .tuple(key, fc.array(fc.tuple(name, change), { maxLength: 3 }), maybeTtlMs)
    .map(([k, pairs, ms]) => [
      `setFields ${k} ${JSON.stringify(pairs)} ${ms}`,
      (store) => store.setFields(k, Object.fromEntries(pairs), ms),
      (model) => model.setFields(k, Object.fromEntries(pairs), ms),
    ]),
  key.map((k) => [`fields ${k}`, (store) => store.fields(k), (model) => model.fields(k)]),
  fc
    .tuple(key, fc.array(fc.record({ member: name, score }), { maxLength: 4 }), fc.constantFrom(0, 1, 2, 9), maybeTtlMs)
    .map(([k, members, keep, ms]) => [
      `rank ${k} ${JSON.stringify(members)} ${keep} ${ms}`,
      (store) => store.rank(k, members, { keep, ...(ms === undefined ? {} : { ttlMs: ms }) }),
      (model) => model.rank(k, members, { keep, ...(ms === undefined ? {} : { ttlMs: ms }) }),
    ]),
  fc
    .tuple(key, score, score)
    .map(([k, min, max]) => [
      `ranked ${k} ${min} ${max}`,
      (store) => store.ranked(k, { min, max }),
      (model) => model.ranked(k, min, max),
    ]),
  fc
    .tuple(key, score, score)
    .map(([k, min, max]) => [
      `unrank ${k} ${min} ${max}`,
      (store) => store.unrank(k, { min, max }),
      (model) => model.unrank(k, min, max),
    ]),
  fc
    .tuple(key, name, fc.constantFrom(1, 5, 1500), fc.constantFrom(0, 3, 20))
    .map(([k, owner, ms, waitMs]) => [
      `acquire ${k} ${owner} ${ms} ${waitMs}`,
      (store) => store.acquire(k, owner, { ttlMs: ms, waitMs }),
      (model) => model.acquire(k, owner, { ttlMs: ms, waitMs }),
    ]),
  fc
    .tuple(key, name)
    .map(([k, owner]) => [
      `release ${k} ${owner}`,
      (store) => store.release(k, owner),
      (model) => model.release(k, owner),
    ]),
]

const pauseMs = fc.constantFrom(0, 0, 0, 1, 4, 20, 1100)

test('answers random steps as a model does that goes through everything each time', async () => {
  const run = fc.array(fc.tuple(pauseMs, fc.oneof(...steps)), { maxLength: 60, size: 'max' })
  await fc.assert(
    fc.asyncProperty(run, async (taken) => {
      const runtime = fakeRuntime()
      const store = memoryCoordination({ runtime })
      const model = new CoordinationModel()
      for (const [ms, [what, atStore, atModel]] of taken) {
        // Most pauses are of no time at all, and letting the event loop turn is what takes long.
        if (ms > 0) await runtime.advance(ms)
        model.now += ms
        expect({ what, answer: await answerOf(atStore(store)) }).toEqual({ what, answer: atModel(model) })
      }
      await store.close()
      checkTimers(runtime)
    }),
    { numRuns: 1500 },
  )
})

async function answerOf(step: Promise<unknown>): Promise<unknown> {
  try {
    return await step
  } catch (error) {
    if (error instanceof TierError) return refused
    throw error
  }
}

function sizeOf(members: unknown): unknown {
  return Array.isArray(members) ? members.length : members
}

function isIn(members: unknown, names: readonly string[]): unknown {
  return Array.isArray(members) ? names.map((each) => members.includes(each)) : members
}
