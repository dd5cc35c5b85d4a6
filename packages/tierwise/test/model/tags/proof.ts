import { explore, type Model } from '../explorer.ts'
import type { Proof, Scenario } from '../proof.ts'
import { fullTagRules, type TagCast, type TagRole, type TagRules } from './rules.ts'
import { OTHER_TAG, OWN_TAG, Read, type TaggedCopy, type TagState, Write } from './state.ts'
import { busSteps, faultSteps, isValid, readerSteps, writerSteps } from './steps.ts'

/** Tag invalidation: one key with one tag in L1 of two instances and in L2, a table of tags, a lane of its own. */
function tagModel(rules: TagRules, cast: TagCast): Model<TagState> {
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

function initial({ roles, losses = 0, lostTables = 0, failovers = 0 }: TagCast): TagState {
  const none = (): TaggedCopy => ({ value: 0, ver: 0, clock: 0 })
  const instance = () => ({ l1: none(), clock: 0, marks: [0, 0], born: 0, last: 0, queue: [], known: 0 })
  return {
    source: 0,
    l2: none(),
    table: { clock: 0, marks: [0, 0], born: 0, seq: 0, announced: 0 },
    log: [],
    instances: [instance(), instance()],
    processes: roles.map(() => ({ at: 0, need: 0, value: 0, ver: 0, clock: 0, leader: 0 })),
    time: 0,
    ver: 0,
    losses,
    lostTables,
    failovers,
  }
}

/** An invalidation that a failover lost and no later one announced is not promised to hold in L2. */
function brokenPromise(rules: TagRules, cast: TagCast, s: TagState): string | undefined {
  const { announced } = s.table
  if (isValid(s.l2, s.table) && s.l2.value < announced)
    return `L2 holds a valid ${s.l2.value} after the invalidation for ${announced}`
  for (const [i, instance] of s.instances.entries()) {
    const { l1, known } = instance
    const isServed = isValid(l1, instance) || (l1.ver > 0 && !rules.hitChecksTags)
    if (isServed && l1.value < known)
      return `L1 at ${i} serves ${l1.value} after it applied the invalidation for ${known}`
    if (isServed && l1.value < announced && isRest(rules, cast, s))
      return `at rest L1 at ${i} serves ${l1.value}, announced is ${announced}`
  }
  return undefined
}

function isRest(rules: TagRules, { roles }: TagCast, s: TagState): boolean {
  const isDone = s.processes.every(({ at }, n) => at === (roles[n]!.does === 'read' ? Read.done : Write.done))
  const hasHeard = ({ queue, last, born }: TagState['instances'][number]): boolean =>
    queue.length === 0 && (!rules.pollsSequence || (last === s.log.length && born >= s.table.born))
  return isDone && s.instances.every(hasHeard)
}

const read = (instance: number): TagRole => ({ does: 'read', instance, tag: OWN_TAG })
const invalidate = (instance: number, tag = OWN_TAG): TagRole => ({ does: 'invalidate', instance, tag })

const scenario = (name: string, cast: TagCast): Scenario<TagRules> => ({
  name,
  explore: (rules) => explore(tagModel(rules, cast)),
})

const PLAIN = 'a reader in each instance, a tag invalidated'
const JOIN = 'two readers and an invalidation in one instance'
const LOSS = 'a reader, two tags invalidated, a lost message'
const LOST_TABLE = 'a reader, an invalidation, the table is lost'
const FAILOVER = 'a reader, two invalidations, a failover loses one'

export const tagsProof: Proof<TagRules> = {
  name: 'tags',
  rules: fullTagRules,
  scenarios: [
    scenario(PLAIN, { roles: [read(0), read(1), invalidate(1)] }),
    scenario(JOIN, { roles: [read(0), read(0), invalidate(0)] }),
    scenario(LOSS, { roles: [read(0), invalidate(1), invalidate(1, OTHER_TAG)], losses: 1 }),
    scenario(LOST_TABLE, { roles: [read(0), invalidate(0)], lostTables: 1 }),
    scenario(FAILOVER, { roles: [read(0), invalidate(1), invalidate(1)], failovers: 1 }),
  ],
  weakenings: [
    { name: 'the clock noted after the loader', rules: { notesClock: 'after the loader' }, scenario: PLAIN },
    { name: 'hits that do not look at tags', rules: { hitChecksTags: false }, scenario: PLAIN },
    { name: 'a writer that waits for its own message', rules: { writerAppliesFirst: false }, scenario: JOIN },
    { name: 'joining a load from before the invalidation', rules: { landingChecksTags: false }, scenario: JOIN },
    { name: 'no poll of the tag lane', rules: { pollsSequence: false }, scenario: LOSS },
    { name: 'no gap detection in the tag lane', rules: { detectsGaps: false }, scenario: LOSS },
    { name: 'a lost table that starts from nothing', rules: { tableTellsBirth: false }, scenario: LOST_TABLE },
    { name: 'a tag clock that gives a number twice', rules: { clockFollowsTime: false }, scenario: FAILOVER },
  ],
}
