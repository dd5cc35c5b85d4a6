import { explore, type Model, type Take } from './explorer.ts'
import type { Proof, Scenario } from './proof.ts'

/**
 * A shared tier below L2, which has no leases: PostgreSQL or a shared disk. Each row has a version of its own that every
 * write raises. A load stores there what it loaded if the row is still as it was when the load looked, before its loader
 * ran. A deletion leaves a tombstone there first and invalidates L2 then.
 */
interface LowerRules {
  /** When L2 is invalidated, seen from the tombstone in the lower tier. */
  readonly invalidatesL2: 'after' | 'before'
  /** What a load must find where it stores: the row that it saw, or merely an older version than its fill was given. */
  readonly storesOver: 'what it saw' | 'older versions' | 'anything'
  readonly keepsTombstone: boolean
  readonly promotesUnderLease: boolean
}

const fullRules: LowerRules = {
  invalidatesL2: 'after',
  storesOver: 'what it saw',
  keepsTombstone: true,
  promotesUnderLease: true,
}

interface Copy {
  value: number
  ver: number
}

interface Process {
  at: number
  need: number
  value: number
  /** The version that L2 gave to the fill. */
  ver: number
  /** The version of the row in the lower tier, before the loader ran. */
  seen: number
  isPromotion: number
}

interface LowerState {
  source: number
  clock: number
  upper: Copy
  lease: number
  /** A version without a value is a tombstone. */
  lower: Copy & { isValue: number }
  processes: Process[]
  /** The newest version of the source whose invalidation has come to its end. */
  done: number
  evictions: number
  clockSteps: number
}

const Read = { idle: 0, asking: 1, leasing: 2, askingLower: 3, loading: 4, filling: 5, storing: 6, done: 7 } as const
const Write = { idle: 0, first: 1, second: 2, returning: 3, done: 7 } as const

interface Role {
  readonly does: 'read' | 'delete'
}

interface LowerCast {
  readonly roles: readonly Role[]
  readonly evictions?: number
  readonly clockSteps?: number
}

interface Moment {
  readonly rules: LowerRules
  readonly s: LowerState
  readonly take: Take<LowerState>
}

function readerSteps(moment: Moment, n: number): void {
  const { rules, s, take } = moment
  const { at, value } = s.processes[n]!
  if (at === Read.idle)
    take(`reader ${n} begins`, (next) => void Object.assign(next.processes[n]!, { at: Read.asking, need: next.done }))
  if (at === Read.asking)
    take(`reader ${n} asks L2`, (next) => {
      if (next.upper.ver > 0) return finish(next, n, next.upper.value)
      next.processes[n]!.at = Read.leasing
    })
  if (at === Read.leasing)
    take(`reader ${n} asks for the lease`, (next) => {
      if (next.upper.ver > 0) return finish(next, n, next.upper.value)
      next.lease = n + 1
      next.processes[n]!.at = Read.askingLower
    })
  if (at === Read.askingLower)
    take(`reader ${n} asks the lower tier`, (next) => {
      const { isValue, value: found, ver: seen } = next.lower
      const process = next.processes[n]!
      process.seen = seen
      if (isValue) Object.assign(process, { at: Read.filling, value: found, isPromotion: 1 })
      else process.at = Read.loading
    })
  if (at === Read.loading)
    take(`reader ${n} loads ${s.source}`, (next) => {
      Object.assign(next.processes[n]!, { at: Read.filling, value: next.source })
    })
  if (at === Read.filling) take(`reader ${n} fills L2 with ${value}`, (next) => fill(rules, next, n))
  if (at === Read.storing)
    take(`reader ${n} stores ${value} in the lower tier`, (next) => {
      store(rules, next, next.processes[n]!)
      return finish(next, n, value)
    })
}

/** What L2 refuses, or what came from below, is not stored below. */
function fill(rules: LowerRules, s: LowerState, n: number): string | void {
  const process = s.processes[n]!
  const { value, isPromotion } = process
  const isAllowed = s.lease === n + 1 || (isPromotion === 1 && !rules.promotesUnderLease)
  if (isAllowed) {
    s.lease = 0
    s.upper = { value, ver: nextVersion(s) }
  }
  if (!isAllowed || isPromotion) return finish(s, n, value)
  Object.assign(process, { at: Read.storing, ver: s.upper.ver })
}

function store({ storesOver }: LowerRules, s: LowerState, { value, ver, seen }: Process): void {
  if (storesOver === 'what it saw' && s.lower.ver !== seen) return
  if (storesOver === 'older versions' && s.lower.ver >= ver) return
  s.lower = { value, ver: storesOver === 'what it saw' ? seen + 1 : ver, isValue: 1 }
}

function nextVersion(s: LowerState): number {
  s.clock++
  return s.clock
}

function finish(s: LowerState, n: number, value: number): string | void {
  const { need } = s.processes[n]!
  Object.assign(s.processes[n]!, { at: Read.done, need: 0, value: 0, ver: 0, seen: 0, isPromotion: 0 })
  if (value < need) return `a read returns ${value} after the change to ${need} was done`
}

function writerSteps({ rules, s, take }: Moment, n: number): void {
  const { at, value } = s.processes[n]!
  if (at === Write.idle)
    take(`writer ${n} writes ${s.source + 1} to the source`, (next) => {
      Object.assign(next.processes[n]!, { at: Write.first, value: ++next.source })
    })
  const isLowerNext = at === (rules.invalidatesL2 === 'after' ? Write.first : Write.second)
  if (at === Write.first || at === Write.second)
    take(`writer ${n} ${isLowerNext ? 'writes a tombstone into the lower tier' : 'invalidates L2'}`, (next) => {
      if (isLowerNext) bury(rules, next)
      else invalidateUpper(next)
      next.processes[n]!.at++
    })
  if (at === Write.returning)
    take(`writer ${n} returns`, (next) => {
      next.done = Math.max(next.done, value)
      Object.assign(next.processes[n]!, { at: Write.done, value: 0, ver: 0 })
    })
}

function invalidateUpper(s: LowerState): void {
  s.lease = 0
  s.upper = { value: 0, ver: 0 }
  nextVersion(s)
}

/** Removing something newer would only cost a load. */
function bury(rules: LowerRules, s: LowerState): void {
  const ver = rules.storesOver === 'what it saw' ? s.lower.ver + 1 : Math.max(s.lower.ver, nextVersion(s))
  s.lower = { value: 0, ver: rules.keepsTombstone ? ver : 0, isValue: 0 }
}

function faultSteps({ s, take }: Moment): void {
  if (s.evictions > 0 && s.upper.ver > 0)
    take('L2 evicts its copy', (next) => {
      next.evictions--
      next.upper = { value: 0, ver: 0 }
    })
  if (s.clockSteps > 0 && s.clock > 0)
    take('the memory of L2 is lost and its clock steps back', (next) => {
      next.clockSteps--
      Object.assign(next, { clock: 0, lease: 0, upper: { value: 0, ver: 0 } })
    })
}

function lowerModel(rules: LowerRules, { roles, evictions = 0, clockSteps = 0 }: LowerCast): Model<LowerState> {
  return {
    initial: {
      source: 0,
      // A clock that steps back gives versions below those of before.
      clock: 5,
      upper: { value: 0, ver: 0 },
      lease: 0,
      lower: { value: 0, ver: 0, isValue: 0 },
      processes: roles.map(() => ({ at: 0, need: 0, value: 0, ver: 0, seen: 0, isPromotion: 0 })),
      done: 0,
      evictions,
      clockSteps,
    },
    steps(s, take) {
      const moment = { rules, s, take }
      for (const [n, { does }] of roles.entries()) {
        if (does === 'read') readerSteps(moment, n)
        else writerSteps(moment, n)
      }
      faultSteps(moment)
    },
    flaw({ upper, lower, done }) {
      if (upper.ver > 0 && upper.value < done) return `L2 holds ${upper.value} after the change to ${done} was done`
      if (lower.isValue && lower.value < done)
        return `the lower tier holds ${lower.value} after the change to ${done} was done`
      return undefined
    },
    isRest: (s) => s.processes.every(({ at }) => at === Read.done),
  }
}

const read: Role = { does: 'read' }
const remove: Role = { does: 'delete' }

const scenario = (name: string, cast: LowerCast): Scenario<LowerRules> => ({
  name,
  explore: (rules) => explore(lowerModel(rules, cast)),
})

const ONE = 'two readers, a change, an eviction'
const TWO = 'two readers, two changes'
const CLOCK = 'two readers, a change, a clock that steps back'

export const lowerTierProof: Proof<LowerRules> = {
  name: 'a shared tier below L2',
  rules: fullRules,
  scenarios: [
    scenario(ONE, { roles: [read, read, remove], evictions: 1 }),
    scenario(TWO, { roles: [read, read, remove, remove] }),
    scenario(CLOCK, { roles: [read, read, remove], clockSteps: 1 }),
  ],
  weakenings: [
    { name: 'L2 invalidated before the lower tier', rules: { invalidatesL2: 'before' }, scenario: ONE },
    { name: 'a lower tier that takes anything', rules: { storesOver: 'anything' }, scenario: ONE },
    {
      name: 'a lower tier that takes what is newer by its version',
      rules: { storesOver: 'older versions' },
      scenario: ONE,
    },
    { name: 'a deletion without a tombstone', rules: { keepsTombstone: false }, scenario: ONE },
    { name: 'promotion without a lease', rules: { promotesUnderLease: false }, scenario: ONE },
  ],
}
