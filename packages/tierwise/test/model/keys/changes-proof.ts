import type { Proof } from '../proof.ts'
import { expire, read, remove, scenario, set } from './scenario.ts'
import { fullKeysRules, type KeysRules } from './world.ts'

const SET = 'a reader in each instance, a writer that stores its value, an eviction'
const SET_AND_DELETE = 'a writer stores its value with a fence, another deletes'
const TWO_SETS = 'two writers in two instances store their values with a fence, a read'
const EXPIRE = 'a soft expiry, a reader in each instance, a load that fails'
const EXPIRE_AND_DELETE = 'a soft expiry and a deletion, a load that fails'
const CLOCK = 'two deletions, a reader, two evictions, the clock of the authority steps back'

/** Values that writers store, soft expiry with its fallback copies, and versions when nothing remembers them. */
export const changesProof: Proof<KeysRules> = {
  name: 'stored values, soft expiry and versions',
  rules: fullKeysRules,
  scenarios: [
    scenario(SET, { roles: [read(0), set(0), read(1)], evictions: 1 }),
    scenario(SET_AND_DELETE, { roles: [read(0), set(0), remove(1)], fenced: true }),
    scenario(TWO_SETS, { roles: [read(0), set(0), set(1)], fenced: true }),
    scenario(EXPIRE, { roles: [read(0), read(0), expire(1)], failures: 1, losses: 1 }),
    scenario(EXPIRE_AND_DELETE, { roles: [read(0), read(0), expire(0), remove(0)], failures: 1 }),
    scenario(CLOCK, { roles: [read(0), remove(0), remove(1)], evictions: 2, clockSteps: 1 }),
  ],
  weakenings: [
    {
      name: 'a stored value put into L1 without a ticket',
      rules: { setChecksTicket: false },
      scenario: SET_AND_DELETE,
    },
    { name: 'a stored value that ignores the fence', rules: { setObeysFence: false }, scenario: SET_AND_DELETE },
    { name: 'a refused stored value that changes nothing', rules: { refusedSetIsApplied: false }, scenario: TWO_SETS },
    { name: 'an expired copy installed as fresh', rules: { softStaysStale: false }, scenario: EXPIRE },
    {
      name: 'a fallback that ignores later deletions',
      rules: { fallbackChecksTicket: false },
      scenario: EXPIRE_AND_DELETE,
    },
    { name: 'versions remembered only beside the entry', rules: { laneKeepsHighVersion: false }, scenario: CLOCK },
  ],
}
