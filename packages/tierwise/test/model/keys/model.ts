import type { Model } from '../explorer.ts'
import { busSteps } from './bus.ts'
import { faultSteps } from './faults.ts'
import { guardedWriterSteps } from './guarded-writer.ts'
import { brokenPromise, isRest } from './promise.ts'
import { readerSteps } from './reader.ts'
import type { KeysState } from './state.ts'
import { type Cast, createWorld, initialState, type KeysRules } from './world.ts'
import { writerSteps } from './writer.ts'

/**
 * L1 in two instances, L2 and the bus between them. What the authority executes at once is one step, its reply is
 * another, so everything that can happen in between does.
 */
export function keysModel(rules: KeysRules, cast: Cast): Model<KeysState> {
  const w = createWorld(rules, cast)
  return {
    initial: initialState(w),
    steps(s, take) {
      const moment = { w, s, take }
      for (const [n, { does }] of w.roles.entries()) {
        if (does === 'read') readerSteps(moment, n)
        else if (does === 'mutate') guardedWriterSteps(moment, n)
        else writerSteps(moment, n)
      }
      for (const i of w.listeners) for (const lane of s.lanes.keys()) busSteps(moment, i, lane)
      faultSteps(moment)
    },
    flaw: (s) => brokenPromise(w, s),
    isRest: (s) => isRest(w, s),
  }
}
