import { type Change, FOREVER, type KeysState, noCopy, type Process, Read, Write } from './state.ts'
import type { World } from './world.ts'

/** What an instance does with a change it hears of, or with a lane it can no longer trust. */
export function applyChange(w: World, s: KeysState, { i, change }: { i: number; change: Change }): void {
  const { key, ver, hard } = change
  const instance = s.instances[i]!
  const copy = instance.l1[key]!
  if (copy.ver > 0 && copy.ver < ver) {
    if (hard) instance.l1[key] = noCopy()
    else copy.soft = 1
  }
  learn(s, i, change)
  markTickets(w, s, { i, key, ver, hard })
}

/** What the instance has been told, for the checks. */
function learn(s: KeysState, i: number, { key, value, hard }: Change): void {
  const { known, knownHard } = s.instances[i]!
  known[key] = Math.max(known[key]!, value)
  if (hard) knownHard[key] = Math.max(knownHard[key]!, value)
}

function markTickets(
  w: World,
  s: KeysState,
  { i, key, ver, hard }: { i: number; key: number; ver: number; hard: number },
): void {
  for (const [n, process] of s.processes.entries()) {
    const role = w.roles[n]!
    if (role.instance !== i || role.key !== key || !isUnderWay(w, n, process)) continue
    process.mark = Math.max(process.mark, ver)
    if (hard) process.hardMark = Math.max(process.hardMark, ver)
    process.detached = 1
  }
}

function isUnderWay(w: World, n: number, { at }: Process): boolean {
  if (w.roles[n]!.does === 'read') return at >= Read.asking && at <= Read.landing
  return at === Write.announcing || at === Write.returning
}

/** Distrusts all that was learned before: afterwards the instance is where the lane was at `seq`. */
function flush(w: World, s: KeysState, { instance: i, lane, seq }: Resync): void {
  const instance = s.instances[i]!
  const missed = s.lanes[lane]!.log.slice(instance.last[lane]!, seq)
  for (const [key, ofLane] of w.laneOf.entries()) {
    if (ofLane !== lane && w.rules.flushStaysInLane) continue
    if (!w.rules.flushCoversLane && !missed.some((change) => change.key === key && change === missed.at(-1))) continue
    if (ofLane !== lane && instance.l1[key]!.ver > 0) s.mixedLanes = 1
    instance.l1[key] = noCopy()
    if (w.rules.flushMarksTickets) markTickets(w, s, { i, key, ver: FOREVER, hard: 1 })
  }
  for (const change of missed) learn(s, i, change)
  instance.last[lane] = Math.max(instance.last[lane]!, seq)
}

/** Applies what the log tells between the last change applied and `seq`. */
function replay(w: World, s: KeysState, { instance: i, lane, seq }: Resync): void {
  const instance = s.instances[i]!
  const missed = s.lanes[lane]!.log.slice(instance.last[lane]!, seq)
  for (const change of missed) applyChange(w, s, { i, change })
  instance.last[lane] = Math.max(instance.last[lane]!, seq)
}

export interface Resync {
  readonly instance: number
  readonly lane: number
  readonly seq: number
  /** Whether the log still has what was missed. */
  readonly fromLog: boolean
}

/** Catches up with a lane after a gap. */
export function resync(w: World, s: KeysState, gap: Resync): void {
  if (gap.fromLog) replay(w, s, gap)
  else flush(w, s, gap)
}

export interface Reply {
  readonly process: number
  readonly value: number
  readonly ver: number
  readonly mark: number
}

/** Puts a reply into L1 if its ticket allows it. */
export function install(w: World, s: KeysState, { process, value, ver, mark }: Reply): void {
  const { instance: i, key } = w.roles[process]!
  const { l1 } = s.instances[i]!
  const floor = w.rules.ticket === 'before sending' ? mark : 0
  if (ver >= floor && ver > l1[key]!.ver) l1[key] = { value, ver, soft: 0 }
}
