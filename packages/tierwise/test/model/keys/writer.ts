import { applyChange, install } from './instance.ts'
import { type KeysState, Write } from './state.ts'
import { invalidate, store } from './store.ts'
import type { Moment, World } from './world.ts'

/** One write: the source, the authority, this instance, the caller. */
export function writerSteps({ w, s, take }: Moment, n: number): void {
  const { at, value } = s.processes[n]!
  const { key, does } = w.roles[n]!
  if (at === Write.idle)
    take(`${name(w, n)} writes ${s.source[key]! + 1} to the source`, (next) => {
      Object.assign(next.processes[n]!, { at: Write.announcing, value: ++next.source[key]! })
    })
  if (at === Write.announcing) take(`${name(w, n)}: the authority executes ${does}`, (next) => announce(w, next, n))
  if (at === Write.returning) take(`${name(w, n)} applies ${value} and returns`, (next) => finish(w, next, n))
}

const name = (w: World, n: number): string => `writer ${n} at ${w.roles[n]!.instance} (key ${w.roles[n]!.key})`

function announce(w: World, s: KeysState, n: number): void {
  const process = s.processes[n]!
  const { key, does } = w.roles[n]!
  const { value } = process
  process.at = Write.returning
  // `lease` tells whether the value was stored.
  if (does === 'set') {
    const { ver, stored } = store(w, s, { key, value })
    Object.assign(process, { ver, lease: stored ? 1 : 0 })
  } else {
    const fence = w.cast.fenced ? { fence: value } : {}
    process.ver = invalidate(w, s, { key, value, hard: does === 'delete', ...fence })
  }
}

function finish(w: World, s: KeysState, n: number): void {
  const process = s.processes[n]!
  const { instance: i, key, does } = w.roles[n]!
  const { value, ver, lease: stored } = process
  const mark = w.rules.setChecksTicket ? process.mark : 0
  Object.assign(process, { at: Write.done, mark: 0, hardMark: 0, detached: 0, value: 0, ver: 0, lease: 0 })
  const change = { key, ver, value, hard: does === 'expire' ? 0 : 1 }
  // A writer that leaves it to its own message has nevertheless told its caller that the change is done.
  if (w.rules.writerAppliesFirst) applyChange(w, s, { i, change })
  else {
    const { known, knownHard } = s.instances[i]!
    known[key] = Math.max(known[key]!, value)
    if (change.hard) knownHard[key] = Math.max(knownHard[key]!, value)
  }
  if (stored && w.listeners.includes(i)) install(w, s, { process: n, value, ver, mark })
}
