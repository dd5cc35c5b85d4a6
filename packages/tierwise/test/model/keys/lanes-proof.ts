import type { Proof } from '../proof.ts'
import { read, remove, scenario } from './scenario.ts'
import { fullKeysRules, type KeysRules } from './world.ts'

const TWO_LANES = 'two keys in two lanes, each with a writer, one with a reader, a lost message'
const ONE_LANE = 'two keys in one lane, each with a writer, one with a reader, a lost message'

/** Keys share a lane or do not. */
export const lanesProof: Proof<KeysRules> = {
  name: 'lanes',
  rules: fullKeysRules,
  scenarios: [
    scenario(TWO_LANES, {
      roles: [read(0, 0), remove(1, 0), remove(1, 1)],
      lanes: [0, 1],
      inL2: [0, 1],
      inL1: [1],
      losses: 1,
    }),
    scenario(ONE_LANE, {
      roles: [read(0, 0), remove(1, 0), remove(1, 1)],
      lanes: [0, 0],
      inL2: [0, 1],
      inL1: [1],
      losses: 1,
    }),
  ],
  weakenings: [
    { name: 'one counter for all lanes', rules: { countsEachLane: false }, scenario: TWO_LANES },
    { name: 'a poll of one lane for all', rules: { pollsEachLane: false }, scenario: TWO_LANES },
    { name: 'a gap that flushes every lane', rules: { flushStaysInLane: false }, scenario: TWO_LANES },
    { name: 'no gap detection', rules: { detectsGaps: false }, scenario: ONE_LANE },
    { name: 'a gap that drops only the key it showed', rules: { flushCoversLane: false }, scenario: ONE_LANE },
    { name: 'a flush that forgets tickets', rules: { flushMarksTickets: false }, scenario: ONE_LANE },
  ],
}
