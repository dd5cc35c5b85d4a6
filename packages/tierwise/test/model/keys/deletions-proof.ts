import type { Proof } from '../proof.ts'
import { read, remove, scenario } from './scenario.ts'
import { fullKeysRules, type KeysRules } from './world.ts'

const EVICTION = 'two readers and a writer in one instance, an eviction'
const PLAIN = 'a reader in each instance, a writer'
const LOSS = 'a reader in each instance, a writer, a lost message'
const LATE_LOSS = 'two readers in one instance, a writer in the other, a lost message'

/** P1, P2 and same-instance P4 for deletions, with everything that may be lost. */
export const deletionsProof: Proof<KeysRules> = {
  name: 'one key in L1, L2 and on the bus',
  rules: fullKeysRules,
  scenarios: [
    scenario(PLAIN, { roles: [read(0), read(1), remove(1)], polls: true }),
    scenario(LOSS, { roles: [read(0), read(1), remove(1)], losses: 1 }),
    scenario(EVICTION, { roles: [read(0), read(0), remove(0)], evictions: 1 }),
    scenario(LATE_LOSS, { roles: [read(0), read(0), remove(1)], losses: 1 }),
    scenario(
      'a value in L2, two readers, two writers, an eviction',
      { roles: [read(0), read(1), remove(0), remove(1)], inL2: [0], evictions: 1 },
      'deep',
    ),
    scenario(
      'three readers, a writer, an eviction',
      { roles: [read(0), read(0), read(1), remove(1)], evictions: 1 },
      'deep',
    ),
  ],
  weakenings: [
    {
      name: 'cache-aside without leases and tickets',
      rules: { fillNeeds: 'nothing', ticket: 'never' },
      scenario: PLAIN,
    },
    { name: 'leases without tickets', rules: { ticket: 'never' }, scenario: PLAIN },
    { name: 'tickets without leases', rules: { fillNeeds: 'nothing' }, scenario: PLAIN },
    { name: 'a ticket opened at the reply', rules: { ticket: 'at the reply' }, scenario: PLAIN },
    { name: 'a refused fill put into L1', rules: { refusedFillStaysOut: false }, scenario: PLAIN },
    { name: 'no poll of the sequence', rules: { pollsSequence: false }, scenario: LOSS },
    { name: 'a flush that forgets tickets', rules: { flushMarksTickets: false }, scenario: LOSS },
    { name: 'joining a flight from before the change', rules: { detachesFlights: false }, scenario: EVICTION },
    { name: 'a writer that waits for its own message', rules: { writerAppliesFirst: false }, scenario: EVICTION },
    {
      name: 'a fill that needs no newer change instead of the lease',
      rules: { fillNeeds: 'no newer change' },
      scenario: EVICTION,
    },
  ],
}
