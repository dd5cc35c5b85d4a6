import { type KeysState, noCopy, type StoredKey } from './state.ts'
import type { World } from './world.ts'

/** The scripts that the authority runs, each of them in one step. */

/** Gives a version above all that the authority can still see. The clock moves with every version given. */
function nextVersion(w: World, s: KeysState, key: number): number {
  const stored = s.keys[key]!
  const lane = s.lanes[w.laneOf[key]!]!
  const kept = w.rules.laneKeepsHighVersion ? lane.highVer : 0
  s.clock++
  const ver = Math.max(s.clock, Math.max(stored.metaVer, stored.entry.ver, kept) + 1)
  lane.highVer = Math.max(lane.highVer, ver)
  if (ver <= stored.topVer) s.repeatedVersion = 1
  stored.topVer = Math.max(stored.topVer, ver)
  return ver
}

function isHeldOff(w: World, s: KeysState, key: number): boolean {
  if (!w.rules.holdsFills) return false
  const lane = s.lanes[w.laneOf[key]!]!
  return lane.cold > 0 || holdsOf(w, s, key) > 0
}

const holdsOf = (w: World, s: KeysState, key: number): number =>
  w.rules.guardsOutliveMetadata ? s.lanes[w.laneOf[key]!]!.holds[key]! : s.keys[key]!.holds

function setHolds(w: World, s: KeysState, { key, holds }: { key: number; holds: number }): void {
  if (w.rules.guardsOutliveMetadata) s.lanes[w.laneOf[key]!]!.holds[key] = holds
  else s.keys[key]!.holds = holds
}

export const fenceOf = (w: World, s: KeysState, key: number): number =>
  w.rules.guardsOutliveMetadata ? s.lanes[w.laneOf[key]!]!.fences[key]! : s.keys[key]!.fence

function raiseFence(w: World, s: KeysState, { key, fence }: { key: number; fence: number }): void {
  if (!w.rules.fences) return
  if (!w.rules.guardsOutliveMetadata) s.keys[key]!.fence = Math.max(s.keys[key]!.fence, fence)
  else {
    const { fences } = s.lanes[w.laneOf[key]!]!
    fences[key] = Math.max(fences[key]!, fence)
  }
}

/** Grants the lease of `key` to `reader`, the one before has expired; 0 while fills are held off. */
export function acquire(w: World, s: KeysState, { key, reader }: { key: number; reader: number }): number {
  if (isHeldOff(w, s, key)) return 0
  s.keys[key]!.lease = reader + 1
  return reader + 1
}

export interface Value {
  readonly key: number
  readonly value: number
}

export interface Fill extends Value {
  readonly lease: number
  /** The newest version that the metadata told when the lease was granted. */
  readonly seenVer: number
}

/** The version given, or why the value was refused. */
export function fill(w: World, s: KeysState, { key, lease, seenVer, value }: Fill): number | 'lease' | 'fence' {
  const stored = s.keys[key]!
  if (w.rules.fillNeeds === 'lease' && (lease === 0 || stored.lease !== lease)) return 'lease'
  if (w.rules.fillNeeds === 'no newer change' && stored.metaVer > seenVer) return 'lease'
  if (isHeldOff(w, s, key)) return 'lease'
  stored.lease = 0
  if (value < fenceOf(w, s, key)) return 'fence'
  return put(w, s, { key, value })
}

function put(w: World, s: KeysState, { key, value }: Value): number {
  const stored = s.keys[key]!
  const ver = nextVersion(w, s, key)
  stored.entry = { value, ver, soft: 0 }
  stored.metaVer = ver
  return ver
}

export interface Invalidation {
  readonly key: number
  readonly value: number
  readonly hard: boolean
  readonly fence?: number
  readonly hold?: number
  readonly release?: number
}

/** Removes or expires the entry, takes the lease away and publishes. Returns the version. */
export function invalidate(w: World, s: KeysState, change: Invalidation): number {
  const { key, hard } = change
  const stored = s.keys[key]!
  const ver = nextVersion(w, s, key)
  if (hard) stored.entry = noCopy()
  else if (stored.entry.ver > 0) stored.entry.soft = 1
  stored.metaVer = ver
  stored.lease = 0
  setHolds(w, s, { key, holds: changedHolds(w, holdsOf(w, s, key), change) })
  if (change.fence !== undefined) raiseFence(w, s, { key, fence: change.fence })
  publish(w, s, { key, ver, value: change.value, hard: hard ? 1 : 0 })
  return ver
}

function changedHolds(w: World, holds: number, { hold = 0, release = 0 }: Invalidation): number {
  if (!w.rules.holdForEachWriter) return release > 0 ? 0 : holds | hold
  return (holds | hold) & ~release
}

/** Stores the value of a writer, or only invalidates when a newer one is known of, or none can be. */
export function store(w: World, s: KeysState, { key, value }: Value): { ver: number; stored: boolean } {
  const { fenced = false } = w.cast
  const isOld = fenced && w.rules.setObeysFence && (value < fenceOf(w, s, key) || s.lanes[w.laneOf[key]!]!.cold > 0)
  if (isOld || (w.rules.setObeysHolds && isHeldOff(w, s, key))) {
    if (!w.rules.refusedSetIsApplied) return { ver: 0, stored: false }
    return { ver: invalidate(w, s, { key, value, hard: true }), stored: false }
  }
  const ver = put(w, s, { key, value })
  s.keys[key]!.lease = 0
  if (fenced) raiseFence(w, s, { key, fence: value })
  publish(w, s, { key, ver, value, hard: 1 })
  return { ver, stored: true }
}

function publish(w: World, s: KeysState, change: KeysState['lanes'][number]['log'][number]): void {
  const lane = w.laneOf[change.key]!
  const { log } = s.lanes[lane]!
  log.push(change)
  for (const i of w.listeners) s.instances[i]!.queue[lane]!.push(log.length)
}

/** Loses the holds and fences of a lane. */
export function loseGuards(w: World, s: KeysState, lane: number): void {
  const lost = s.lanes[lane]!
  lost.holds = lost.holds.map(() => 0)
  lost.fences = lost.fences.map(() => 0)
  if (w.rules.lostGuardsHoldFills) lost.cold = 1
}

/** Loses what the authority knows of a key beside its entry. */
export function evictMetadata(stored: StoredKey): void {
  Object.assign(stored, { metaVer: 0, lease: 0, holds: 0, fence: 0 })
}
