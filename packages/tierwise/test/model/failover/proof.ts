import { explore, type Model } from '../explorer.ts'
import type { Proof, Scenario } from '../proof.ts'
import { emptyMemory } from './server.ts'
import {
  type FailoverCast,
  type FailoverRole,
  type FailoverRules,
  type FailoverState,
  fullFailoverRules,
  Read,
  Write,
} from './state.ts'
import { busSteps, faultSteps, mustResync, readerSteps, writerSteps } from './steps.ts'

/**
 * A server that is replaced by one with an earlier memory, or loses its memory. Promised: an instance never goes back
 * behind a change it has applied; and when every instance has found the new server, no tier is older than the newest
 * change that anybody alive has applied. What nobody alive had heard of may be lost.
 */
function failoverModel(rules: FailoverRules, cast: FailoverCast): Model<FailoverState> {
  return {
    initial: initial(cast),
    steps(s, take) {
      const moment = { rules, cast, s, take }
      for (const [n, { does }] of cast.roles.entries()) {
        if (does === 'read') readerSteps(moment, n)
        else writerSteps(moment, n)
      }
      for (const i of s.instances.keys()) busSteps(moment, i)
      faultSteps(moment)
    },
    flaw: (s) => brokenPromise(rules, cast, s),
    isRest: (s) => isRest(rules, cast, s),
  }
}

function initial({ roles, warm = false, failovers = 0, flushes = 0 }: FailoverCast): FailoverState {
  const instance = () => ({
    l1: { value: 0, ver: 0 },
    run: 0,
    gen: 0,
    last: 0,
    queue: [],
    floor: 0,
    known: 0,
    isRepaired: 0,
  })
  const [ver, copy] = warm ? [1, { value: 0, ver: 1 }] : [0, { value: 0, ver: 0 }]
  return {
    source: 0,
    run: 0,
    clock: ver,
    memory: { ...emptyMemory(0), entry: copy, highVer: ver },
    past: [],
    instances: [{ ...instance(), l1: copy }, instance()],
    processes: roles.map(() => ({ at: 0, need: 0, value: 0, ver: 0, mark: 0, run: 0, gen: 0 })),
    failovers,
    flushes,
  }
}

function brokenPromise(rules: FailoverRules, cast: FailoverCast, s: FailoverState): string | undefined {
  const { entry, announced } = s.memory
  if (entry.ver > 0 && entry.value < announced) return `L2 holds ${entry.value} after the change to ${announced}`
  for (const [i, { l1, known }] of s.instances.entries())
    if (l1.ver > 0 && l1.value < known) return `L1 at ${i} holds ${l1.value} after it applied the change to ${known}`
  if (!isRest(rules, cast, s)) return undefined
  const least = Math.max(announced, ...s.instances.map(({ known }) => known))
  const copies = [entry, ...s.instances.map(({ l1 }) => l1)]
  const stale = copies.findIndex(({ value, ver }) => ver > 0 && value < least)
  if (stale >= 0)
    return `at rest ${stale === 0 ? 'L2' : `L1 at ${stale - 1}`} is older than ${least}, which was applied`
  return undefined
}

function isRest(rules: FailoverRules, { roles }: FailoverCast, s: FailoverState): boolean {
  const isDone = s.processes.every(({ at }, n) => at === (roles[n]!.does === 'read' ? Read.done : Write.done))
  return isDone && s.instances.every(({ queue }, i) => queue.length === 0 && !mustResync(rules, s, i))
}

const read = (instance: number): FailoverRole => ({ does: 'read', instance })
const remove = (instance: number): FailoverRole => ({ does: 'delete', instance })
const removeAgain = (instance: number, after: number): FailoverRole => ({ does: 'delete', instance, after })

const scenario = (name: string, cast: FailoverCast): Scenario<FailoverRules> => ({
  name,
  explore: (rules) => explore(failoverModel(rules, cast)),
})

const COLD = 'a reader and a change in one instance, a failover'
const WARM = 'a value in L2, a change in one instance, a reader in the other, a failover'
const TWO_CHANGES = 'a value in L2, a reader, two changes, a failover'
const MEMORY = 'a value in L2, a reader, two changes, the server loses its memory'

export const failoverProof: Proof<FailoverRules> = {
  name: 'failover and lost memory',
  rules: fullFailoverRules,
  scenarios: [
    scenario(COLD, { roles: [read(0), remove(0)], lostOperations: 3, failovers: 1 }),
    scenario(WARM, { roles: [read(1), remove(0)], warm: true, lostOperations: 3, failovers: 1 }),
    scenario(TWO_CHANGES, {
      roles: [read(0), remove(1), removeAgain(1, 1)],
      warm: true,
      lostOperations: 1,
      failovers: 1,
    }),
    scenario(MEMORY, { roles: [read(0), remove(1), removeAgain(1, 1)], warm: true, lostOperations: 0, flushes: 1 }),
  ],
  weakenings: [
    { name: 'a poll that does not tell the server', rules: { checksRun: false }, scenario: TWO_CHANGES },
    { name: 'no check of the generation', rules: { checksGeneration: false }, scenario: MEMORY },
    { name: 'no repair', rules: { repairsFromRing: false }, scenario: WARM },
    {
      name: 'believing what is older than a change applied',
      rules: { doubtsOlderCopies: false },
      scenario: WARM,
    },
    { name: 'a lease that survives its server', rules: { leaseEndsWithServer: false }, scenario: COLD },
    { name: 'a late reply that counts', rules: { lateReplyIsReissued: false }, scenario: COLD },
    { name: 'versions of two servers compared', rules: { waitsForResync: false }, scenario: COLD },
    { name: 'a resync that forgets tickets', rules: { resyncMarksTickets: false }, scenario: TWO_CHANGES },
  ],
}
