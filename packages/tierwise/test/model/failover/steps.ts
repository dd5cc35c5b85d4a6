import type { Take } from '../explorer.ts'
import { acquire, emptyMemory, failOver, fill, invalidate } from './server.ts'
import { type FailoverCast, type FailoverRules, type FailoverState, FOREVER, Read, Write } from './state.ts'

export interface FailoverMoment {
  readonly rules: FailoverRules
  readonly cast: FailoverCast
  readonly s: FailoverState
  readonly take: Take<FailoverState>
}

export function readerSteps(moment: FailoverMoment, n: number): void {
  const { rules, cast, s, take } = moment
  const { at, value } = s.processes[n]!
  const { instance: i } = cast.roles[n]!
  const name = `reader ${n} at ${i}`
  if (at === Read.idle)
    take(
      `${name} ${s.instances[i]!.l1.ver > 0 ? `hits L1 with ${s.instances[i]!.l1.value}` : 'opens a ticket'}`,
      (next) => {
        const { l1, known } = next.instances[i]!
        Object.assign(next.processes[n]!, { need: known, at: Read.asking })
        if (l1.ver > 0) return finish(next, n, l1.value)
      },
    )
  if (at === Read.asking) take(`${name} asks L2`, (next) => ask(rules, next, { n, i, otherwise: Read.acquiring }))
  if (at === Read.acquiring)
    take(`${name} asks for the lease`, (next) => {
      ask(rules, next, { n, i, otherwise: Read.loading })
      if (next.processes[n]!.at !== Read.loading) return
      acquire(cast, next, n)
      next.processes[n]!.run = next.run
    })
  if (at === Read.loading || at === Read.uncached)
    take(`${name} loads ${s.source}`, (next) => {
      if (at === Read.uncached) return finish(next, n, next.source)
      Object.assign(next.processes[n]!, { at: Read.filling, value: next.source })
    })
  if (at === Read.filling)
    take(`${name} fills with ${value}`, (next) => {
      const process = next.processes[n]!
      const isLost = rules.leaseEndsWithServer && process.run !== next.run
      if (isLost || next.memory.lease !== n + 1) return finish(next, n, value)
      Object.assign(process, { at: Read.landing, ver: fill(cast, next, value) })
    })
  if (at === Read.landing)
    take(`${name} receives ${value}`, (next) => {
      const { ver, mark } = next.processes[n]!
      if (ver >= mark && ver > next.instances[i]!.l1.ver) next.instances[i]!.l1 = { value, ver }
      return finish(next, n, value)
    })
}

interface Ask {
  readonly n: number
  readonly i: number
  readonly otherwise: number
}

/** What is older than a change applied lately was brought back by another server: the source is asked, nothing is stored. */
function ask(rules: FailoverRules, s: FailoverState, { n, i, otherwise }: Ask): void {
  const { value, ver } = s.memory.entry
  const process = s.processes[n]!
  if (ver === 0) process.at = otherwise
  else if (rules.doubtsOlderCopies && ver < s.instances[i]!.floor) process.at = Read.uncached
  else Object.assign(process, { at: Read.landing, value, ver })
}

function finish(s: FailoverState, n: number, value: number): string | void {
  const { need } = s.processes[n]!
  Object.assign(s.processes[n]!, { at: Read.done, need: 0, value: 0, ver: 0, mark: 0, run: 0, gen: 0 })
  if (value < need) return `a read returns ${value} after its instance applied the change to ${need}`
}

export function writerSteps({ rules, cast, s, take }: FailoverMoment, n: number): void {
  const { at, value, ver, run, gen } = s.processes[n]!
  const { instance: i, after } = cast.roles[n]!
  const name = `writer ${n} at ${i}`
  if (at === Write.idle && (after === undefined || s.processes[after]!.at === Write.done))
    take(`${name} writes ${s.source + 1} to the source`, (next) => {
      Object.assign(next.processes[n]!, { at: Write.announcing, value: ++next.source })
    })
  if (at === Write.announcing)
    take(`${name}: the authority executes its deletion`, (next) => {
      Object.assign(next.processes[n]!, {
        ver: invalidate(cast, next, value),
        at: Write.returning,
        run: next.run,
        gen: next.memory.gen,
      })
    })
  if (at !== Write.returning) return
  const { run: followed, gen: followedGen } = s.instances[i]!
  // Versions of two servers say nothing about each other: the flush of a resync has to come first.
  if (rules.waitsForResync && (run > followed || gen > followedGen)) return
  // The subscriber has gone to another server since: its repair came too early for this change.
  const isLate = rules.lateReplyIsReissued && run < followed
  take(`${name} ${isLate ? 'finds its server gone and asks again' : 'applies it and returns'}`, (next) => {
    if (isLate) return void Object.assign(next.processes[n]!, { at: Write.announcing, ver: 0, run: 0, gen: 0 })
    applyChange(cast, next, { i, ver, value })
    Object.assign(next.processes[n]!, { at: Write.done, value: 0, ver: 0, run: 0, gen: 0 })
  })
}

function applyChange(
  cast: FailoverCast,
  s: FailoverState,
  { i, ver, value }: { i: number; ver: number; value: number },
): void {
  const instance = s.instances[i]!
  if (instance.l1.ver < ver) instance.l1 = { value: 0, ver: 0 }
  instance.floor = Math.max(instance.floor, ver)
  instance.known = Math.max(instance.known, value)
  markTickets(cast, s, { i, ver })
}

function markTickets(cast: FailoverCast, s: FailoverState, { i, ver }: { i: number; ver: number }): void {
  for (const [n, process] of s.processes.entries())
    if (
      cast.roles[n]!.does === 'read' &&
      cast.roles[n]!.instance === i &&
      process.at > Read.idle &&
      process.at < Read.done
    )
      process.mark = Math.max(process.mark, ver)
}

export function busSteps({ rules, cast, s, take }: FailoverMoment, i: number): void {
  const { queue, last, gen, run, isRepaired } = s.instances[i]!
  const message = queue[0]
  if (message)
    take(`${i} receives change ${message.seq} of generation ${message.gen}`, (next) => {
      next.instances[i]!.queue.shift()
      if (rules.checksGeneration && message.gen !== gen) return resync(rules, cast, { s: next, i })
      if (message.seq <= last) return
      if (message.seq > last + 1) return resync(rules, cast, { s: next, i })
      applyChange(cast, next, { i, ver: message.ver, value: message.value })
      next.instances[i]!.last = message.seq
    })
  if (!mustResync(rules, s, i)) return
  if (rules.repairsFromRing && s.instances[i]!.floor > 0 && run !== s.run && !isRepaired)
    take(`${i} finds another server and issues its recent changes again`, (next) => {
      // Whatever it knew, its own change is now the newest.
      invalidate(cast, next, next.instances[i]!.known)
      next.instances[i]!.isRepaired = 1
    })
  else take(`${i} connects anew and flushes`, (next) => resync(rules, cast, { s: next, i }))
}

/** What the poll, or a connection that closed, shows. */
export function mustResync(rules: FailoverRules, s: FailoverState, i: number): boolean {
  const { run, gen, last, queue } = s.instances[i]!
  if (rules.checksRun && run !== s.run) return true
  if (rules.checksGeneration && gen !== s.memory.gen) return true
  return queue.length === 0 && s.memory.seq > last
}

function resync(rules: FailoverRules, cast: FailoverCast, { s, i }: { s: FailoverState; i: number }): void {
  const { gen, seq } = s.memory
  Object.assign(s.instances[i]!, { l1: { value: 0, ver: 0 }, run: s.run, gen, last: seq, queue: [], isRepaired: 0 })
  if (rules.resyncMarksTickets) markTickets(cast, s, { i, ver: FOREVER })
}

export function faultSteps({ s, take }: FailoverMoment): void {
  for (const clockIsBehind of s.flushes > 0 && s.memory.highVer > 0 ? [false, true] : [])
    take(`the server loses its memory${clockIsBehind ? ', its clock steps back' : ''}`, (next) => {
      next.flushes--
      next.memory = emptyMemory(next.memory.gen + 1)
      if (clockIsBehind) next.clock = 0
    })
  if (s.failovers === 0) return
  for (const at of s.past.keys())
    for (const clockIsBehind of [false, true])
      take(
        `a failover loses the last ${s.past.length - at} operations${clockIsBehind ? ', its clock is behind' : ''}`,
        (next) => failOver(next, at, clockIsBehind),
      )
}
