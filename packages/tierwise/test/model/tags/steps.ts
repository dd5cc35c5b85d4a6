import type { Take } from '../explorer.ts'
import type { TagCast, TagRules } from './rules.ts'
import { OTHER_TAG, OWN_TAG, Read, type TagChange, type TaggedCopy, type TagState, Write } from './state.ts'

export interface TagMoment {
  readonly rules: TagRules
  readonly cast: TagCast
  readonly s: TagState
  readonly take: Take<TagState>
}

/** Whether no invalidation that `marks` tell of came after the copy noted its clock. */
export function isValid(copy: TaggedCopy, { marks, born }: { marks: readonly number[]; born: number }): boolean {
  return copy.ver > 0 && marks[OWN_TAG]! <= copy.clock && born <= copy.clock
}

export function readerSteps(moment: TagMoment, n: number): void {
  const { rules, cast, s, take } = moment
  const process = s.processes[n]!
  const { instance: i } = cast.roles[n]!
  const name = `reader ${n} at ${i}`
  if (process.at === Read.idle) start(moment, n)
  // The table of the instance or that of the authority may be asked; what the instance knows counts in any case.
  if (process.at === Read.asking) {
    take(`${name} asks L2 and trusts its own tags`, (next) => ask(rules, next, { n, i, asksTable: false }))
    take(`${name} asks L2 and the tags there`, (next) => ask(rules, next, { n, i, asksTable: true }))
  }
  if (process.at === Read.clock) {
    take(`${name} notes the clock ${s.table.clock}`, (next) => note(next, n, next.table.clock))
    take(`${name} notes the clock ${s.instances[i]!.clock} that it knows`, (next) =>
      note(next, n, next.instances[i]!.clock),
    )
  }
  if (process.at === Read.loading)
    take(`${name} loads ${s.source}`, (next) => {
      Object.assign(next.processes[n]!, { at: Read.filling, value: next.source })
      if (rules.notesClock === 'after the loader') next.processes[n]!.at = Read.noting
    })
  if (process.at === Read.noting)
    take(`${name} notes the clock ${s.table.clock} after its load`, (next) => {
      Object.assign(next.processes[n]!, { at: Read.filling, clock: next.table.clock })
    })
  if (process.at === Read.filling)
    take(`${name} fills with ${process.value}`, (next) => {
      const { value, clock } = process
      next.l2 = { value, clock, ver: ++next.ver }
      Object.assign(next.processes[n]!, { at: Read.landing, ver: next.ver })
    })
  if (process.at === Read.landing) take(`${name} receives ${process.value}`, (next) => land(rules, next, { n, i }))
  if (process.at === Read.joined) joinedSteps(moment, n)
}

function start({ rules, cast, s, take }: TagMoment, n: number): void {
  const { instance: i } = cast.roles[n]!
  const instance = s.instances[i]!
  const isHit = instance.l1.ver > 0 && (isValid(instance.l1, instance) || !rules.hitChecksTags)
  const leader = s.processes.findIndex(
    ({ at }, m) =>
      m !== n &&
      cast.roles[m]!.does === 'read' &&
      cast.roles[m]!.instance === i &&
      at >= Read.asking &&
      at <= Read.landing,
  )
  const how = isHit ? `hits L1 with ${instance.l1.value}` : leader >= 0 ? `joins reader ${leader}` : 'begins'
  take(`reader ${n} at ${i} ${how}`, (next) => {
    next.processes[n]!.need = instance.known
    if (isHit) return finish(next, n, instance.l1.value)
    Object.assign(next.processes[n]!, leader >= 0 ? { at: Read.joined, leader: leader + 1 } : { at: Read.asking })
  })
}

function ask(rules: TagRules, s: TagState, { n, i, asksTable }: { n: number; i: number; asksTable: boolean }): void {
  const isKnownValid = isValid(s.l2, s.instances[i]!) && (!asksTable || isValid(s.l2, s.table))
  const { value, ver, clock } = s.l2
  const process = s.processes[n]!
  if (isKnownValid) Object.assign(process, { at: Read.landing, value, ver, clock })
  else process.at = rules.notesClock === 'before the loader' ? Read.clock : Read.loading
}

function note(s: TagState, n: number, clock: number): void {
  const process = s.processes[n]!
  Object.assign(process, { clock, at: Read.loading })
}

/** A value that a tag has overtaken is loaded again for whoever came after the invalidation. */
function land(rules: TagRules, s: TagState, { n, i }: { n: number; i: number }): string | void {
  const { value, ver, clock } = s.processes[n]!
  const instance = s.instances[i]!
  if (ver > instance.l1.ver) instance.l1 = { value, ver, clock }
  const isFollowed = s.processes.some((other) => other.leader === n + 1)
  const broken = finish(s, n, value)
  if (isFollowed) Object.assign(s.processes[n]!, { value, ver, clock })
  for (const follower of rules.landingChecksTags ? s.processes : [])
    if (follower.leader === n + 1 && follower.at === Read.joined && !isValid({ value, ver, clock }, instance))
      Object.assign(follower, { at: Read.asking, leader: 0 })
  return broken
}

function joinedSteps({ s, take }: TagMoment, n: number): void {
  const { leader } = s.processes[n]!
  const { at, value } = s.processes[leader - 1]!
  if (at === Read.done) take(`reader ${n} gets ${value} from its leader`, (next) => finish(next, n, value))
}

function finish(s: TagState, n: number, value: number): string | void {
  const { need } = s.processes[n]!
  Object.assign(s.processes[n]!, { at: Read.done, need: 0, value: 0, ver: 0, clock: 0, leader: 0 })
  if (value < need) return `a read returns ${value} after the tag was invalidated for ${need}`
}

export function writerSteps({ rules, cast, s, take }: TagMoment, n: number): void {
  const { instance: i, tag } = cast.roles[n]!
  const { at, value, clock } = s.processes[n]!
  if (at === Write.idle)
    take(`writer ${n} ${tag === OWN_TAG ? `writes ${s.source + 1}` : 'writes something else'}`, (next) => {
      if (tag === OWN_TAG) next.source++
      Object.assign(next.processes[n]!, { at: Write.announcing, value: tag === OWN_TAG ? next.source : 0 })
    })
  if (at === Write.announcing)
    take(`writer ${n} invalidates tag ${tag}`, (next) => {
      Object.assign(next.processes[n]!, { at: Write.returning, clock: invalidate(rules, next, { tag, value }) })
    })
  if (at === Write.returning)
    take(`writer ${n} at ${i} applies it and returns`, (next) => {
      const instance = next.instances[i]!
      if (rules.writerAppliesFirst) apply(next, i, { tag, clock, value })
      instance.known = Math.max(instance.known, value)
      Object.assign(next.processes[n]!, { at: Write.done, value: 0, clock: 0 })
    })
}

function invalidate(rules: TagRules, s: TagState, { tag, value }: { tag: number; value: number }): number {
  const { table } = s
  s.time++
  table.clock = rules.clockFollowsTime ? Math.max(table.clock + 1, s.time) : table.clock + 1
  table.marks[tag] = table.clock
  table.announced = Math.max(table.announced, value)
  table.seq++
  s.log.push({ tag, clock: table.clock, value })
  for (const instance of s.instances) instance.queue.push(s.log.length)
  return table.clock
}

/** Marks only rise. The clock that the instance notes for its loads is one up to which it has heard everything. */
function apply(s: TagState, i: number, { tag, clock, value }: TagChange): void {
  const instance = s.instances[i]!
  instance.marks[tag] = Math.max(instance.marks[tag]!, clock)
  instance.known = Math.max(instance.known, value)
}

export function busSteps({ rules, s, take }: TagMoment, i: number): void {
  const { queue, last } = s.instances[i]!
  const at = queue[0]
  if (at !== undefined) {
    const change = s.log[at - 1]!
    // The log of this model is never lost, so the place in it is the number of the message.
    if (s.losses > 0)
      take(`the message about tag ${change.tag} is lost on its way to ${i}`, (next) => {
        next.losses--
        next.instances[i]!.queue.shift()
      })
    take(`${i} receives the message about tag ${change.tag}`, (next) => {
      const instance = next.instances[i]!
      instance.queue.shift()
      if (at <= last) return
      if (at > last + 1 && rules.detectsGaps) return readTable(next, i)
      apply(next, i, change)
      Object.assign(instance, { last: at, clock: Math.max(instance.clock, change.clock) })
    })
  } else if (rules.pollsSequence && (last < s.log.length || s.instances[i]!.born < s.table.born))
    take(`${i} polls the tag lane, is behind and reads the table`, (next) => readTable(next, i))
}

function readTable(s: TagState, i: number): void {
  const instance = s.instances[i]!
  const { marks, born, clock } = s.table
  instance.marks = instance.marks.map((mark, tag) => Math.max(mark, marks[tag]!))
  Object.assign(instance, {
    born: Math.max(instance.born, born),
    clock: Math.max(instance.clock, clock),
    last: s.log.length,
  })
  instance.known = Math.max(instance.known, s.table.announced)
}

export function faultSteps({ rules, s, take }: TagMoment): void {
  if (s.lostTables > 0)
    take('the tag table is lost', (next) => {
      next.lostTables--
      const clock = rules.tableTellsBirth ? ++next.time : 0
      Object.assign(next.table, { clock, born: clock, marks: [0, 0] })
    })
  const lost = s.log.at(-1)
  if (s.failovers > 0 && lost !== undefined && lost.tag !== OTHER_TAG && s.table.clock === lost.clock)
    take(`a failover loses the invalidation of tag ${lost.tag}`, (next) => {
      next.failovers--
      const before = next.log.findLast(({ tag }, at) => tag === lost.tag && at < next.log.length - 1)
      next.table.marks[lost.tag] = before?.clock ?? 0
      next.table.clock = next.log.at(-2)?.clock ?? 0
      next.table.announced = before?.value ?? 0
    })
}
