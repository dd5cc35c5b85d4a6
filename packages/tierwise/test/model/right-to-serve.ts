import { explore, type Model, type Take } from './explorer.ts'
import type { Proof, Scenario } from './proof.ts'

/**
 * P3 and P5: how old can a value be that L1 serves, and when does a barrier hold? There is a clock here, one instance, and
 * for each lane the changes, their messages and the polls. L2 is always up to date: filling it is another model.
 */
interface ServeRules {
  /** When a poll counts as having proved something. */
  readonly confirmedFrom: 'sending' | 'reply'
  readonly pollsSequence: boolean
  readonly looksAtClock: 'at each read' | 'in a timer'
  readonly messageProvesNothing: boolean
  readonly needsTagLane: boolean
  readonly flushMarksTickets: boolean
  /** What a barrier takes for the end of a member's right to serve. */
  readonly barrierWaits: 'maxStaleness' | 'less'
  readonly lostMembersCount: boolean
}

const fullRules: ServeRules = {
  confirmedFrom: 'sending',
  pollsSequence: true,
  looksAtClock: 'at each read',
  messageProvesNothing: true,
  needsTagLane: true,
  flushMarksTickets: true,
  barrierWaits: 'maxStaleness',
  lostMembersCount: true,
}

/** Ticks. Times are kept as ages, and all that is older than `TOO_OLD` is as old, so time goes on for ever. */
const MAX_STALENESS = 2
const TOO_OLD = MAX_STALENESS + 1

interface Lane {
  /** How long ago each change was executed. */
  changes: number[]
  queue: number[]
  last: number
  confirmedAge: number
  /** What a timer that looks at the clock has found. Only a weakening goes by it. */
  isTrusted: number
  /** 0 none, 1 sent, 2 executed; and how long ago it was sent. */
  polling: number
  pollAge: number
  /** The answer of the authority. */
  pollSeq: number
}

interface ServeState {
  /** The first lane is that of the key, the second that of its tags. */
  lanes: Lane[]
  /** The value in L1: how many changes of each lane it has seen. Nothing: `held` is 0. */
  held: number
  copy: number[]
  /** A look into L2 under way: 0 none, 1 sent, 2 executed. `isMarked`: its ticket was marked by a change it has not seen. */
  asking: number
  reply: number[]
  isMarked: number
  /** What the authority knows of the instance: its progress in the first lane, how long ago; and for how long it knows members. */
  progress: number
  seenAge: number
  isMember: number
  membersAge: number
  /** The change that a barrier waits for, plus one, and whether it has said that everybody has it. */
  barrier: number
  isPassed: number
  changesLeft: number
  lossesLeft: number
  membersLossesLeft: number
}

interface ServeCast {
  readonly lanes: number
  readonly changes: number
  readonly losses: number
  readonly barrier?: boolean
  readonly lostMembers?: number
}

function initial(cast: ServeCast): ServeState {
  const lane = (): Lane => ({
    changes: [],
    queue: [],
    last: 0,
    confirmedAge: 0,
    isTrusted: 1,
    polling: 0,
    pollAge: 0,
    pollSeq: 0,
  })
  const none = Array.from({ length: cast.lanes }, () => 0)
  return {
    lanes: Array.from({ length: cast.lanes }, lane),
    held: 0,
    copy: none,
    asking: 0,
    reply: none,
    isMarked: 0,
    progress: 0,
    seenAge: 0,
    isMember: 1,
    membersAge: TOO_OLD,
    barrier: 0,
    isPassed: 0,
    changesLeft: cast.changes,
    lossesLeft: cast.losses,
    membersLossesLeft: cast.lostMembers ?? 0,
  }
}

function serveModel(rules: ServeRules, cast: ServeCast): Model<ServeState> {
  return {
    initial: initial(cast),
    steps(s, take) {
      // Nothing else has to happen while time passes: the process may be stalled, the network dead.
      take('a tick', growOlder)
      for (const lane of s.lanes.keys()) {
        changeSteps(s, lane, take)
        messageSteps(rules, s, { lane, take })
        if (rules.pollsSequence) pollSteps(rules, s, { lane, take })
        if (rules.looksAtClock === 'in a timer') timerSteps(s, lane, take)
      }
      askSteps(s, take)
      if (cast.barrier) barrierSteps(rules, s, take)
    },
    flaw: (s) => brokenPromise(rules, s),
    isRest: (s) => s.changesLeft === 0,
  }
}

function growOlder(s: ServeState): void {
  const older = (age: number): number => Math.min(age + 1, TOO_OLD)
  for (const lane of s.lanes) {
    lane.changes = lane.changes.map(older)
    lane.confirmedAge = older(lane.confirmedAge)
    if (lane.polling > 0) lane.pollAge = older(lane.pollAge)
  }
  s.seenAge = older(s.seenAge)
  s.membersAge = older(s.membersAge)
}

const names = ['the key lane', 'the tag lane']

function changeSteps(s: ServeState, lane: number, take: Take<ServeState>): void {
  if (s.changesLeft === 0) return
  take(`a change in ${names[lane]} is executed`, (next) => {
    next.changesLeft--
    const changed = next.lanes[lane]!
    changed.changes.push(0)
    changed.queue.push(changed.changes.length)
  })
}

interface OfLane {
  readonly lane: number
  readonly take: Take<ServeState>
}

function messageSteps(rules: ServeRules, s: ServeState, { lane, take }: OfLane): void {
  const { queue, last } = s.lanes[lane]!
  const seq = queue[0]
  if (seq === undefined) return
  if (s.lossesLeft > 0)
    take(`change ${seq} of ${names[lane]} is lost`, (next) => {
      next.lossesLeft--
      next.lanes[lane]!.queue.shift()
    })
  take(`change ${seq} of ${names[lane]} arrives`, (next) => {
    const heard = next.lanes[lane]!
    heard.queue.shift()
    if (seq <= last) return
    if (seq > last + 1) return flush(rules, next, { lane, seq })
    heard.last = seq
    if (!rules.messageProvesNothing) heard.confirmedAge = 0
    if (next.copy[lane]! < seq) drop(next)
    if (next.asking > 0) next.isMarked = 1
  })
}

function drop(s: ServeState): void {
  s.held = 0
  s.copy = s.copy.map(() => 0)
}

function flush(rules: ServeRules, s: ServeState, { lane, seq }: { lane: number; seq: number }): void {
  s.lanes[lane]!.last = Math.max(s.lanes[lane]!.last, seq)
  drop(s)
  if (s.asking > 0 && rules.flushMarksTickets) s.isMarked = 1
}

/** A poll tells the authority how far the instance is, and the instance how far the lane is. */
function pollSteps(rules: ServeRules, s: ServeState, { lane, take }: OfLane): void {
  const { polling, pollAge, pollSeq } = s.lanes[lane]!
  if (polling === 0) take(`a poll of ${names[lane]} is sent`, (next) => void (next.lanes[lane]!.polling = 1))
  else if (polling === 1)
    take(`the poll of ${names[lane]} is executed`, (next) => {
      const polled = next.lanes[lane]!
      Object.assign(polled, { polling: 2, pollSeq: polled.changes.length })
      if (lane === 0) Object.assign(next, { progress: polled.last, seenAge: 0, isMember: 1 })
    })
  else
    take(`the answer ${pollSeq} to the poll of ${names[lane]} arrives`, (next) => {
      const polled = next.lanes[lane]!
      if (polled.last < pollSeq) flush(rules, next, { lane, seq: pollSeq })
      const provedAge = rules.confirmedFrom === 'sending' ? pollAge : 0
      Object.assign(polled, {
        confirmedAge: Math.min(polled.confirmedAge, provedAge),
        polling: 0,
        pollAge: 0,
        pollSeq: 0,
        isTrusted: 1,
      })
    })
}

function timerSteps(s: ServeState, lane: number, take: Take<ServeState>): void {
  if (s.lanes[lane]!.confirmedAge <= MAX_STALENESS || !s.lanes[lane]!.isTrusted) return
  take(`the timer of ${names[lane]} runs`, (next) => void (next.lanes[lane]!.isTrusted = 0))
}

function askSteps(s: ServeState, take: Take<ServeState>): void {
  if (s.asking === 0 && !s.held) take('L2 is asked', (next) => void (next.asking = 1))
  if (s.asking === 1)
    take('L2 answers', (next) => {
      next.asking = 2
      next.reply = next.lanes.map(({ changes }) => changes.length)
    })
  if (s.asking === 2)
    take(`the reply ${s.isMarked ? 'is too old for' : 'enters'} L1`, (next) => {
      // A mark by a change that the reply has seen would do no harm; leaving that out keeps the states few.
      if (!next.isMarked) Object.assign(next, { held: 1, copy: next.reply })
      Object.assign(next, { asking: 0, isMarked: 0, reply: next.lanes.map(() => 0) })
    })
}

function barrierSteps(rules: ServeRules, s: ServeState, take: Take<ServeState>): void {
  const { length: seq } = s.lanes[0]!.changes
  if (s.barrier === 0 && seq > 0) take(`a barrier waits for change ${seq}`, (next) => void (next.barrier = seq + 1))
  if (s.membersLossesLeft > 0)
    take('the authority loses the members', (next) => {
      next.membersLossesLeft--
      Object.assign(next, { isMember: 0, progress: 0, seenAge: 0, membersAge: 0 })
    })
  if (s.barrier === 0 || s.isPassed) return
  const lapse = rules.barrierWaits === 'less' ? MAX_STALENESS - 1 : MAX_STALENESS
  const silence = s.isMember ? s.seenAge : rules.lostMembersCount ? s.membersAge : TOO_OLD
  const hasLapsed = silence > lapse
  if (hasLapsed || (s.isMember && s.progress >= s.barrier - 1))
    take(
      `the barrier is passed, the instance has ${hasLapsed ? 'lapsed' : 'applied it'}`,
      (next) => void (next.isPassed = 1),
    )
}

function mayServe(rules: ServeRules, s: ServeState): boolean {
  const lanes = rules.needsTagLane ? s.lanes : s.lanes.slice(0, 1)
  const isProven = ({ confirmedAge, isTrusted }: Lane): boolean =>
    rules.looksAtClock === 'in a timer' ? isTrusted === 1 : confirmedAge <= MAX_STALENESS
  return s.held === 1 && lanes.every(isProven)
}

/** A read may happen at any time, so a state that would serve the wrong value is broken. */
function brokenPromise(rules: ServeRules, s: ServeState): string | undefined {
  if (!mayServe(rules, s)) return undefined
  for (const [lane, { changes }] of s.lanes.entries()) {
    const supersededAge = changes[s.copy[lane]!]
    if (supersededAge !== undefined && supersededAge > MAX_STALENESS)
      return `L1 serves a value that a change in ${names[lane]} superseded more than ${MAX_STALENESS} ticks ago`
  }
  if (s.isPassed && s.copy[0]! < s.barrier - 1) return 'L1 serves what is older than a barrier that was passed'
  return undefined
}

const scenario = (name: string, cast: ServeCast): Scenario<ServeRules> => ({
  name,
  explore: (rules) => explore(serveModel(rules, cast)),
})

const ONE_LANE = 'one lane, two changes, a lost message'
const TAGS = 'a tagged value, a change in each lane or two in one'
const BARRIER = 'a barrier, an instance that may stand still'
const LOST_MEMBERS = 'a barrier, the members are lost'

export const rightToServeProof: Proof<ServeRules> = {
  name: 'the right to serve and barriers',
  rules: fullRules,
  scenarios: [
    scenario(ONE_LANE, { lanes: 1, changes: 2, losses: 1 }),
    scenario(TAGS, { lanes: 2, changes: 1, losses: 0 }),
    scenario(BARRIER, { lanes: 1, changes: 1, losses: 1, barrier: true }),
    scenario(LOST_MEMBERS, { lanes: 1, changes: 1, losses: 0, barrier: true, lostMembers: 1 }),
  ],
  weakenings: [
    { name: 'a poll that proves something as of its reply', rules: { confirmedFrom: 'reply' }, scenario: ONE_LANE },
    {
      name: 'no poll, messages prove freshness',
      rules: { pollsSequence: false, messageProvesNothing: false },
      scenario: ONE_LANE,
    },
    { name: 'a message that proves freshness', rules: { messageProvesNothing: false }, scenario: ONE_LANE },
    { name: 'a timer instead of the clock at each read', rules: { looksAtClock: 'in a timer' }, scenario: ONE_LANE },
    { name: 'a flush that forgets tickets', rules: { flushMarksTickets: false }, scenario: ONE_LANE },
    { name: 'a tagged hit without the tag lane', rules: { needsTagLane: false }, scenario: TAGS },
    {
      name: 'a barrier that waits for less than the right to serve lasts',
      rules: { barrierWaits: 'less' },
      scenario: BARRIER,
    },
    {
      name: 'a barrier that takes lost members for nobody',
      rules: { lostMembersCount: false },
      scenario: LOST_MEMBERS,
    },
  ],
}
