import type { Proof } from '../proof.ts'
import { mutate, read, remove, scenario, set } from './scenario.ts'
import { fullKeysRules, type KeysRules } from './world.ts'

const CRASH = 'a guarded write that may die at every step, a reader in each instance'
const TWO_WRITERS = 'two guarded writes of one key, one may die, a reader'
const EVICTED_HOLD = 'a guarded write that may die, an eviction, a reader'
const LOST_HOLD = 'a guarded write that may die, the guards are lost, a reader'
const LAG = 'a fenced deletion, two readers in its instance, a replica that lags'
const EVICTED_FENCE = 'a fenced deletion, a reader, a replica that lags, an eviction'
const LOST_FENCE = 'a fenced deletion, a reader, a replica that lags, the guards are lost'
const SET_IN_HOLD = 'a guarded write that may die, a writer that stores its value, a reader'
const LATE_SET = 'two writers store their values with a fence, the guards are lost, a read'

/** Holds around a transaction, and fences against replicas that lag. */
export const guardsProof: Proof<KeysRules> = {
  name: 'guarded writes and fences',
  rules: fullKeysRules,
  scenarios: [
    scenario(CRASH, { roles: [read(0), read(1), mutate(0)], crashes: 1 }),
    scenario(TWO_WRITERS, { roles: [read(0), mutate(0), mutate(1)], crashes: 1 }),
    scenario(EVICTED_HOLD, { roles: [read(0), mutate(1)], crashes: 1, evictions: 1 }),
    scenario(LOST_HOLD, { roles: [read(0), mutate(1)], crashes: 1, evictions: 1, lostGuards: 1 }),
    scenario(LAG, { roles: [read(0), read(0), remove(0)], fenced: true, replicaLags: true }),
    scenario(EVICTED_FENCE, { roles: [read(0), remove(1)], fenced: true, replicaLags: true, evictions: 1 }),
    scenario(LOST_FENCE, { roles: [read(0), remove(1)], fenced: true, replicaLags: true, lostGuards: 1 }),
    scenario(SET_IN_HOLD, { roles: [read(0), set(0), mutate(1)], fenced: true, crashes: 1 }),
    scenario(LATE_SET, { roles: [read(0), set(0), set(1)], fenced: true, lostGuards: 1 }),
  ],
  weakenings: [
    { name: 'no hold', rules: { holdsFills: false }, scenario: CRASH },
    { name: 'one hold for all writers', rules: { holdForEachWriter: false }, scenario: TWO_WRITERS },
    { name: 'holds in metadata that may be evicted', rules: { guardsOutliveMetadata: false }, scenario: EVICTED_HOLD },
    { name: 'lost guards that hold nothing off', rules: { lostGuardsHoldFills: false }, scenario: LOST_HOLD },
    { name: 'a value stored in spite of a hold', rules: { setObeysHolds: false }, scenario: SET_IN_HOLD },
    { name: 'no fence', rules: { fences: false }, scenario: LAG },
    {
      name: 'a value refused by the fence given to its callers',
      rules: { refusedLoadIsRepeated: false },
      scenario: LAG,
    },
    {
      name: 'fences in metadata that may be evicted',
      rules: { guardsOutliveMetadata: false },
      scenario: EVICTED_FENCE,
    },
    { name: 'a fence that only the fill is told', rules: { leaseTellsFence: false }, scenario: LOST_FENCE },
  ],
}
