import { applyChange } from './instance.ts'
import { type KeysState, Write } from './state.ts'
import { invalidate } from './store.ts'
import type { Moment, World } from './world.ts'

/** A guarded write: hold fills off, commit, release. Its process may die at every step; the transaction then ends alone. */
export function guardedWriterSteps(moment: Moment, n: number): void {
  const { w, s, take } = moment
  const { at, value } = s.processes[n]!
  const { key } = w.roles[n]!
  const hold = 1 << n
  if (at === Write.idle)
    take(`${name(n)} holds fills off`, (next) => {
      const ver = invalidate(w, next, { key, value: next.source[key]!, hard: true, hold })
      Object.assign(next.processes[n]!, { at: Write.committing, ver })
    })
  if (at === Write.committing || at === Write.orphaned)
    take(`${name(n)} commits ${s.source[key]! + 1}`, (next) => {
      Object.assign(next.processes[n]!, {
        at: at === Write.committing ? Write.releasing : Write.crashed,
        value: ++next.source[key]!,
      })
    })
  if (at === Write.orphaned)
    take(`${name(n)}: the transaction is rolled back`, (next) => void (next.processes[n]!.at = Write.crashed))
  if (at === Write.releasing)
    take(`${name(n)} releases its hold`, (next) => {
      const ver = invalidate(w, next, { key, value, hard: true, release: hold, fence: w.cast.fenced ? value : 0 })
      Object.assign(next.processes[n]!, { at: Write.returning, ver })
    })
  if (at === Write.returning) take(`${name(n)} applies ${value} and returns`, (next) => finish(w, next, n))
  crash(moment, n)
  expireHold(moment, n)
}

const name = (n: number): string => `guarded writer ${n}`

function finish(w: World, s: KeysState, n: number): void {
  const { value, ver } = s.processes[n]!
  const { instance: i, key } = w.roles[n]!
  Object.assign(s.processes[n]!, { at: Write.done, mark: 0, hardMark: 0, detached: 0, value: 0, ver: 0 })
  applyChange(w, s, { i, change: { key, ver, value, hard: 1 } })
}

function crash({ s, take }: Moment, n: number): void {
  const { at } = s.processes[n]!
  if (s.crashes === 0 || (at !== Write.committing && at !== Write.releasing && at !== Write.returning)) return
  take(`${name(n)} dies`, (next) => {
    next.crashes--
    next.processes[n]!.at = at === Write.committing ? Write.orphaned : Write.crashed
  })
}

/** A hold lasts at least as long as its transaction, and longer than a value to be stored may be on its way. */
function expireHold({ w, s, take }: Moment, n: number): void {
  const { at } = s.processes[n]!
  const { key } = w.roles[n]!
  const hold = 1 << n
  const lane = w.laneOf[key]!
  if (((s.keys[key]!.holds | s.lanes[lane]!.holds[key]!) & hold) === 0) return
  if (at === Write.committing || at === Write.orphaned) return
  if (s.processes.some((other, m) => w.roles[m]!.does === 'set' && other.at === Write.announcing)) return
  take(`the hold of ${name(n)} expires`, (next) => {
    next.keys[key]!.holds &= ~hold
    next.lanes[lane]!.holds[key]! &= ~hold
  })
}
