import { explore, type Model, type Take } from './explorer.ts'
import type { Proof, Scenario } from './proof.ts'

/**
 * An instance that cannot reach L2 keeps its invalidations as intents, and takes nothing from L2 for such a key until they
 * are replayed. It may fill: the replay removes whatever is there. A reader in another instance goes on all the time.
 */
interface OutageRules {
  readonly intentBlocksReads: boolean
  readonly pendingMarksTickets: boolean
  /** Whether the answer to a replay leaves intents that came after it. */
  readonly answerEndsOnlyItsIntent: boolean
  readonly journalsBeforeReturning: boolean
  /** Whether the authority refuses a stored value that arrives after its deadline, for which replays wait. */
  readonly storesHaveDeadlines: boolean
}

const fullRules: OutageRules = {
  intentBlocksReads: true,
  pendingMarksTickets: true,
  answerEndsOnlyItsIntent: true,
  journalsBeforeReturning: true,
  storesHaveDeadlines: true,
}

interface Copy {
  value: number
  ver: number
}

interface Process {
  at: number
  need: number
  value: number
  ver: number
  mark: number
}

interface OutageState {
  source: number
  ver: number
  l2: Copy
  /** The reader that may fill, plus one. */
  lease: number
  /** A stored value that is still on its way, from a connection that was given up; 0: none. */
  late: number
  /** The instance with the outage. Intents are numbered; 0: none. */
  l1: Copy
  intent: number
  intents: number
  journal: number
  /** The intent whose replay was executed and whose answer is under way. */
  replayed: number
  /** What the instance has told a caller, as applied or as pending. */
  known: number
  /** What must not be lost: the newest change that was executed, or that is pending where a journal keeps it. */
  announced: number
  isDown: number
  outages: number
  crashes: number
  processes: Process[]
}

const FOREVER = 250
const Read = { idle: 0, asking: 1, leasing: 2, loading: 3, filling: 4, landing: 5, uncached: 6, done: 7 } as const
const Write = { idle: 0, sending: 1, applied: 2, pending: 3, done: 7 } as const

interface Role {
  /** A reader elsewhere has no outage and no L1. */
  readonly does: 'read' | 'read elsewhere' | 'delete' | 'set'
  readonly after?: number
}

interface OutageCast {
  readonly roles: readonly Role[]
  readonly crashes?: number
  readonly hasJournal?: boolean
}

interface Moment {
  readonly rules: OutageRules
  readonly cast: OutageCast
  readonly s: OutageState
  readonly take: Take<OutageState>
}

function readerSteps({ rules, cast, s, take }: Moment, n: number): void {
  const { at, value } = s.processes[n]!
  const isHere = cast.roles[n]!.does === 'read'
  const name = `reader ${n}${isHere ? '' : ' elsewhere'}`
  const isBlocked = isHere && ((rules.intentBlocksReads && s.intent > 0) || s.isDown > 0)
  if (at === Read.idle)
    take(`${name} ${isHere && s.l1.ver > 0 ? `hits L1 with ${s.l1.value}` : 'opens a ticket'}`, (next) => {
      Object.assign(next.processes[n]!, { at: Read.asking, need: isHere ? next.known : 0 })
      if (isHere && next.l1.ver > 0) return finish(next, n, next.l1.value)
    })
  if (at === Read.asking || at === Read.leasing)
    take(`${name} ${isBlocked ? 'passes L2 by' : at === Read.asking ? 'asks L2' : 'asks for the lease'}`, (next) => {
      const process = next.processes[n]!
      if (isBlocked) return void (process.at = Read.uncached)
      if (next.l2.ver > 0) return void Object.assign(process, { at: Read.landing, ...next.l2 })
      if (at === Read.leasing) next.lease = n + 1
      process.at++
    })
  if (at === Read.loading || at === Read.uncached)
    take(`${name} loads ${s.source}`, (next) => {
      if (at === Read.uncached) return finish(next, n, next.source)
      Object.assign(next.processes[n]!, { at: Read.filling, value: next.source })
    })
  if (at === Read.filling)
    take(`${name} fills with ${value}`, (next) => {
      if ((isHere && next.isDown) || next.lease !== n + 1) return finish(next, n, value)
      next.lease = 0
      next.l2 = { value, ver: ++next.ver }
      Object.assign(next.processes[n]!, { at: Read.landing, ver: next.ver })
    })
  if (at === Read.landing)
    take(`${name} receives ${value}`, (next) => {
      const { ver, mark } = next.processes[n]!
      if (isHere && ver >= mark && ver > next.l1.ver) next.l1 = { value, ver }
      return finish(next, n, value)
    })
}

function finish(s: OutageState, n: number, value: number): string | void {
  const { need } = s.processes[n]!
  Object.assign(s.processes[n]!, { at: Read.done, need: 0, value: 0, ver: 0, mark: 0 })
  if (value < need) return `a read returns ${value} after its instance was told of ${need}`
}

function writerSteps(moment: Moment, n: number): void {
  const { cast, s, take } = moment
  const { at, value } = s.processes[n]!
  const { does, after } = cast.roles[n]!
  if (at === Write.idle && (after === undefined || s.processes[after]!.at === Write.done))
    take(`writer ${n} writes ${s.source + 1} to the source`, (next) => {
      Object.assign(next.processes[n]!, { at: Write.sending, value: ++next.source })
    })
  if (at === Write.sending) {
    if (!s.isDown)
      take(`writer ${n}: the authority executes ${does}`, (next) => {
        Object.assign(next.processes[n]!, { at: Write.applied, ver: change(next, does === 'set' ? value : 0) })
        next.announced = Math.max(next.announced, value)
      })
    take(`writer ${n} gets no answer${does === 'set' ? ', its value is still on its way' : ''}`, (next) => {
      if (does === 'set') next.late = value
      next.processes[n]!.at = Write.pending
    })
  }
  if (at === Write.applied)
    take(
      `writer ${n} never sees the answer`,
      (next) => void Object.assign(next.processes[n]!, { at: Write.pending, ver: 0 }),
    )
  if (at === Write.applied)
    take(`writer ${n} applies ${value} and returns`, (next) => {
      apply(moment, next, { value, ver: next.processes[n]!.ver })
      Object.assign(next.processes[n]!, { at: Write.done, value: 0, ver: 0 })
    })
  if (at === Write.pending)
    take(`writer ${n} keeps an intent and returns`, (next) => {
      next.intent = ++next.intents
      apply(moment, next, { value, ver: FOREVER })
      Object.assign(next.processes[n]!, { at: Write.done, value: 0 })
      if (cast.hasJournal && moment.rules.journalsBeforeReturning) next.journal = next.intent
      if (cast.hasJournal) next.announced = Math.max(next.announced, value)
    })
}

/** An invalidation, or a stored value. */
function change(s: OutageState, value: number): number {
  s.lease = 0
  s.ver++
  s.l2 = value > 0 ? { value, ver: s.ver } : { value: 0, ver: 0 }
  return s.ver
}

function apply({ rules, cast }: Moment, s: OutageState, { value, ver }: Copy): void {
  if (s.l1.ver < ver) s.l1 = { value: 0, ver: 0 }
  s.known = Math.max(s.known, value)
  if (ver === FOREVER && !rules.pendingMarksTickets) return
  for (const [n, process] of s.processes.entries())
    if (cast.roles[n]!.does === 'read' && process.at > Read.idle && process.at < Read.done)
      process.mark = Math.max(process.mark, ver)
}

function replaySteps({ rules, s, take }: Moment): void {
  const isWaiting = rules.storesHaveDeadlines && s.late > 0
  if (s.intent > 0 && s.replayed === 0 && !s.isDown && !isWaiting)
    take(`intent ${s.intent} is replayed`, (next) => {
      change(next, 0)
      next.replayed = next.intent
    })
  if (s.replayed > 0)
    take(`the replay of intent ${s.replayed} is answered`, (next) => {
      if (next.replayed === next.intent || !rules.answerEndsOnlyItsIntent)
        Object.assign(next, { intent: 0, journal: 0 })
      next.replayed = 0
    })
}

function faultSteps({ rules, cast, s, take }: Moment): void {
  if (s.outages > 0)
    take('L2 is out of reach', (next) => {
      next.outages--
      next.isDown = 1
    })
  if (s.isDown) take('L2 is within reach again', (next) => void (next.isDown = 0))
  if (s.late > 0) {
    take(`the value ${s.late} arrives late and is stored`, (next) => {
      change(next, next.late)
      next.late = 0
    })
    if (rules.storesHaveDeadlines) take(`the deadline of the value ${s.late} passes`, (next) => void (next.late = 0))
  }
  if (cast.hasJournal && s.journal !== s.intent)
    take('the journal is written', (next) => void (next.journal = next.intent))
  if (s.crashes > 0) take('the instance dies and starts again', (next) => crash(cast, next))
}

/** All that was under way is lost. Without a journal, so are the intents, and what was promised as pending. */
function crash(cast: OutageCast, s: OutageState): void {
  s.crashes--
  Object.assign(s, { l1: { value: 0, ver: 0 }, intent: s.journal, intents: s.journal, replayed: 0 })
  if (!cast.hasJournal) s.known = Math.min(s.known, s.announced)
  for (const [n, process] of s.processes.entries())
    if (cast.roles[n]!.does !== 'read elsewhere' && process.at !== Read.idle)
      Object.assign(process, { at: Read.done, need: 0, value: 0, ver: 0, mark: 0 })
}

function isRest(s: OutageState): boolean {
  return (
    s.intent === 0 && s.replayed === 0 && s.late === 0 && !s.isDown && s.processes.every(({ at }) => at === Read.done)
  )
}

function brokenPromise(s: OutageState): string | undefined {
  if (s.l1.ver > 0 && s.l1.value < s.known) return `L1 holds ${s.l1.value} after its instance was told of ${s.known}`
  if (isRest(s) && s.l2.ver > 0 && s.l2.value < Math.max(s.announced, s.known))
    return `at rest L2 holds ${s.l2.value} after the change to ${s.announced}`
  return undefined
}

function outageModel(rules: OutageRules, cast: OutageCast): Model<OutageState> {
  const initial: OutageState = {
    source: 0,
    ver: 0,
    l2: { value: 0, ver: 0 },
    lease: 0,
    late: 0,
    l1: { value: 0, ver: 0 },
    intent: 0,
    intents: 0,
    journal: 0,
    replayed: 0,
    known: 0,
    announced: 0,
    isDown: 0,
    outages: 1,
    crashes: cast.crashes ?? 0,
    processes: cast.roles.map(() => ({ at: 0, need: 0, value: 0, ver: 0, mark: 0 })),
  }
  return {
    initial,
    steps(s, take) {
      const moment = { rules, cast, s, take }
      for (const [n, { does }] of cast.roles.entries()) {
        if (does === 'read' || does === 'read elsewhere') readerSteps(moment, n)
        else writerSteps(moment, n)
      }
      replaySteps(moment)
      faultSteps(moment)
    },
    flaw: brokenPromise,
    isRest,
  }
}

const read: Role = { does: 'read' }
const elsewhere: Role = { does: 'read elsewhere' }

const scenario = (name: string, cast: OutageCast): Scenario<OutageRules> => ({
  name,
  explore: (rules) => explore(outageModel(rules, cast)),
})

const ONE = 'a deletion without an answer, a reader there, a reader elsewhere'
const TWO = 'two deletions, a reader there, a reader elsewhere'
const JOURNAL = 'a deletion, the instance dies, with a journal'
const NO_JOURNAL = 'a deletion, the instance dies, without a journal'
const LATE = 'a stored value that comes late, a deletion, a reader'

export const outageProof: Proof<OutageRules> = {
  name: 'L2 out of reach',
  rules: fullRules,
  scenarios: [
    scenario(ONE, { roles: [read, elsewhere, { does: 'delete' }] }),
    scenario(TWO, { roles: [read, elsewhere, { does: 'delete' }, { does: 'delete', after: 2 }] }),
    scenario(JOURNAL, { roles: [read, elsewhere, { does: 'delete' }], crashes: 1, hasJournal: true }),
    scenario(NO_JOURNAL, { roles: [read, elsewhere, { does: 'delete' }], crashes: 1 }),
    scenario(LATE, { roles: [read, { does: 'set' }, { does: 'delete', after: 1 }] }),
  ],
  weakenings: [
    { name: 'reading from L2 in spite of an intent', rules: { intentBlocksReads: false }, scenario: ONE },
    { name: 'a pending change that marks no tickets', rules: { pendingMarksTickets: false }, scenario: ONE },
    { name: 'an answer that ends a later intent', rules: { answerEndsOnlyItsIntent: false }, scenario: TWO },
    { name: 'a journal written after the return', rules: { journalsBeforeReturning: false }, scenario: JOURNAL },
    { name: 'a stored value without a deadline', rules: { storesHaveDeadlines: false }, scenario: LATE },
  ],
}
