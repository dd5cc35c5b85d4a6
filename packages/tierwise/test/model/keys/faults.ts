import { type KeysState, noCopy, Write } from './state.ts'
import { evictMetadata, loseGuards } from './store.ts'
import type { Moment } from './world.ts'

/** What may happen at any time, as often as the cast allows. */
export function faultSteps(moment: Moment): void {
  const { w, s, take } = moment
  if (s.evictions > 0) evictionSteps(moment)
  if (s.clockSteps > 0 && s.clock > 0)
    take('the clock of the authority steps back', (next) => {
      next.clockSteps--
      next.clock = 0
    })
  for (const lane of s.lanes.keys()) guardSteps(moment, lane)
  if (w.cast.replicaLags)
    for (const [key, version] of s.source.entries())
      if (s.replica[key]! < version)
        take(`the replica receives ${version}`, (next) => void (next.replica[key] = version))
}

function evictionSteps({ s, take }: Moment): void {
  const evict = (what: string, change: (next: KeysState) => void): void =>
    take(`${what} is evicted`, (next) => {
      next.evictions--
      change(next)
    })
  for (const [key, stored] of s.keys.entries()) {
    if (stored.entry.ver > 0) evict(`the entry of key ${key}`, (next) => void (next.keys[key]!.entry = noCopy()))
    if (stored.metaVer + stored.lease > 0) evict(`the metadata of key ${key}`, (next) => evictMetadata(next.keys[key]!))
    for (const [i, instance] of s.instances.entries())
      if (instance.l1[key]!.ver > 0)
        evict(`key ${key} in L1 at ${i}`, (next) => void (next.instances[i]!.l1[key] = noCopy()))
  }
}

function guardSteps({ w, s, take }: Moment, lane: number): void {
  if (s.lostGuards > 0)
    take(`the guards of lane ${lane} are lost`, (next) => {
      next.lostGuards--
      loseGuards(w, next, lane)
    })
  if (s.lanes[lane]!.cold > 0 && isWarm(s))
    take(`lane ${lane} has been cold for long enough`, (next) => void (next.lanes[lane]!.cold = 0))
}

/** The cold time outlasts every transaction and every lag of a replica. */
function isWarm(s: KeysState): boolean {
  const isOpen = s.processes.some(({ at }) => at === Write.committing || at === Write.orphaned)
  return !isOpen && s.source.every((version, key) => s.replica[key] === version)
}
