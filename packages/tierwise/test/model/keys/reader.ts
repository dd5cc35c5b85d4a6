import { install } from './instance.ts'
import { type Copy, FOREVER, type KeysState, type Process, Read } from './state.ts'
import { acquire, fenceOf, fill } from './store.ts'
import { FAILED, type Moment, type World } from './world.ts'

/** One read: L1, the flight of somebody else, L2, the lease, the source, the fill, the reply. */
export function readerSteps(moment: Moment, n: number): void {
  const { w, s, take } = moment
  switch (s.processes[n]!.at) {
    case Read.idle:
      return start(moment, n)
    case Read.asking:
      return take(`${name(w, n)} asks L2`, (next) => ask(w, next, n))
    case Read.acquiring:
      return take(`${name(w, n)} asks for the lease`, (next) => takeLease(w, next, n))
    case Read.loading:
      return load(moment, n)
    case Read.filling:
      return take(`${name(w, n)} fills with ${s.processes[n]!.value}`, (next) => offer(w, next, n))
    case Read.landing:
      return take(`${name(w, n)} receives ${s.processes[n]!.value}`, (next) => land(w, next, n))
    case Read.joined:
      return follow(moment, n)
    default:
      return undefined
  }
}

const name = (w: World, n: number): string => `reader ${n} at ${w.roles[n]!.instance} (key ${w.roles[n]!.key})`

function start({ w, s, take }: Moment, n: number): void {
  const { instance: i, key } = w.roles[n]!
  const copy = s.instances[i]!.l1[key]!
  const leader = s.processes.findIndex((_, m) => m !== n && canJoin(w, s, { leader: m, follower: n }))
  const isHit = copy.ver > 0 && !copy.soft
  const how = isHit ? `hits L1 with ${copy.value}` : leader >= 0 ? `joins reader ${leader}` : 'opens a ticket'
  take(`${name(w, n)} ${how}`, (next) => {
    const process = next.processes[n]!
    process.need = next.instances[i]!.known[key]!
    process.needHard = next.instances[i]!.knownHard[key]!
    if (isHit) return finish(next, n, copy.value)
    if (leader >= 0) Object.assign(process, { at: Read.joined, lease: leader })
    else process.at = Read.asking
    if (copy.soft) keepFallback(process, copy)
  })
}

function canJoin(w: World, s: KeysState, who: { leader: number; follower: number }): boolean {
  const { does, instance, key } = w.roles[who.leader]!
  const own = w.roles[who.follower]!
  const { at, detached } = s.processes[who.leader]!
  if (does !== 'read' || instance !== own.instance || key !== own.key) return false
  return at >= Read.asking && at <= Read.landing && !(detached && w.rules.detachesFlights)
}

function keepFallback(process: Process, { value, ver }: Copy): void {
  if (ver > process.fallbackVer) Object.assign(process, { fallbackValue: value, fallbackVer: ver })
}

/** A look into L2. Without a fresh entry the read goes on to the next stage. */
function ask(w: World, s: KeysState, n: number): void {
  const process = s.processes[n]!
  const { entry } = s.keys[w.roles[n]!.key]!
  const isFresh = entry.ver > 0 && !(entry.soft && w.rules.softStaysStale)
  if (isFresh) Object.assign(process, { at: Read.landing, value: entry.value, ver: entry.ver })
  else {
    process.at++
    if (entry.soft) keepFallback(process, entry)
  }
}

function takeLease(w: World, s: KeysState, n: number): void {
  const process = s.processes[n]!
  const { key } = w.roles[n]!
  ask(w, s, n)
  if (process.at !== Read.loading) return
  process.lease = acquire(w, s, { key, reader: n })
  process.ver = s.keys[key]!.metaVer
  if (w.rules.leaseTellsFence) process.fence = fenceOf(w, s, key)
  // An authority that has lost its fences says so. How far a replica lags is not promised then.
  if (w.cast.replicaLags && s.lanes[w.laneOf[key]!]!.cold) Object.assign(process, { need: 0, needHard: 0 })
}

function load({ w, s, take }: Moment, n: number): void {
  const { key } = w.roles[n]!
  const from = w.cast.replicaLags ? s.replica : s.source
  take(`${name(w, n)} loads ${from[key]}`, (next) => {
    Object.assign(next.processes[n]!, { at: Read.filling, value: from[key] })
  })
  if (s.failures > 0)
    take(`${name(w, n)} fails to load`, (next) => {
      next.failures--
      return fallBack(w, next, n)
    })
}

function fallBack(w: World, s: KeysState, n: number): string | void {
  const process = s.processes[n]!
  const { instance: i, key } = w.roles[n]!
  const isUsable = process.fallbackVer > 0 && (process.fallbackVer >= process.hardMark || !w.rules.fallbackChecksTicket)
  process.fellBack = 1
  if (!isUsable) return finish(s, n, FAILED)
  if (process.fallbackValue < s.instances[i]!.knownHard[key]!)
    return `falls back to ${process.fallbackValue}, removed before`
  return finish(s, n, process.fallbackValue)
}

function offer(w: World, s: KeysState, n: number): string | void {
  const process = s.processes[n]!
  const { key } = w.roles[n]!
  const { lease, fence, ver: seenVer, value } = process
  const filled = value < fence ? 'fence' : fill(w, s, { key, lease, seenVer, value })
  if (typeof filled === 'number') Object.assign(process, { at: Read.landing, ver: filled })
  else if (filled === 'fence' && w.rules.refusedLoadIsRepeated)
    Object.assign(process, { at: Read.acquiring, value: 0, ver: 0, lease: 0, fence: 0 })
  else if (!w.rules.refusedFillStaysOut) Object.assign(process, { at: Read.landing, ver: FOREVER })
  else return finish(s, n, value)
}

function land(w: World, s: KeysState, n: number): string | void {
  const { value, ver, mark } = s.processes[n]!
  install(w, s, { process: n, value, ver, mark })
  return finish(s, n, value)
}

function follow({ w, s, take }: Moment, n: number): void {
  const leader = s.processes[s.processes[n]!.lease]!
  if (leader.at !== Read.done) return
  take(`${name(w, n)} gets ${leader.value} from its leader`, (next) => {
    next.processes[n]!.fellBack = leader.fellBack
    return finish(next, n, leader.value)
  })
}

/** Nothing older is returned than what the instance had been told when the read began. */
function finish(s: KeysState, n: number, value: number): string | void {
  const { need, needHard, fellBack } = s.processes[n]!
  const process = s.processes[n]!
  const least = fellBack ? needHard : need
  // Only those who joined still need the result.
  const isFollowed = s.processes.some((other) => other.at === Read.joined && other.lease === n)
  Object.assign(process, {
    at: Read.done,
    value: isFollowed ? value : 0,
    fellBack: isFollowed ? fellBack : 0,
    mark: 0,
    hardMark: 0,
    detached: 0,
    need: 0,
    needHard: 0,
  })
  Object.assign(process, { ver: 0, lease: 0, fence: 0, fallbackValue: 0, fallbackVer: 0 })
  if (value < least) return `a read returns ${value} after a change to ${least} was applied`
}
