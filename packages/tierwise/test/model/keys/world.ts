import type { Take } from '../explorer.ts'
import { FOREVER, type KeysState, noCopy } from './state.ts'

/** One line each of the protocol that can be left out. */
export interface KeysRules {
  /** What a fill must find: its lease, or merely no newer change in the metadata, or nothing. */
  readonly fillNeeds: 'lease' | 'no newer change' | 'nothing'
  /** When the ticket of a reply that may enter L1 is opened. */
  readonly ticket: 'before sending' | 'at the reply' | 'never'
  readonly refusedFillStaysOut: boolean
  readonly pollsSequence: boolean
  readonly pollsEachLane: boolean
  readonly flushMarksTickets: boolean
  readonly flushCoversLane: boolean
  readonly flushStaysInLane: boolean
  readonly detectsGaps: boolean
  readonly countsEachLane: boolean
  /** Whether a change keeps later callers from joining a flight that began before it. */
  readonly detachesFlights: boolean
  readonly writerAppliesFirst: boolean
  readonly setChecksTicket: boolean
  readonly softStaysStale: boolean
  readonly fallbackChecksTicket: boolean
  /** Whether the highest version of a lane survives entries and metadata. */
  readonly laneKeepsHighVersion: boolean
  readonly holdsFills: boolean
  readonly holdForEachWriter: boolean
  /** Whether holds and fences are kept apart from the metadata, which may be evicted. */
  readonly guardsOutliveMetadata: boolean
  readonly lostGuardsHoldFills: boolean
  readonly fences: boolean
  readonly setObeysFence: boolean
  /** Whether a value stored during a transaction of somebody else is only an invalidation. */
  readonly setObeysHolds: boolean
  readonly refusedSetIsApplied: boolean
  readonly refusedLoadIsRepeated: boolean
  /** Whether the answer to a request for the lease tells the fence, so that a load that is too old is not returned either. */
  readonly leaseTellsFence: boolean
  readonly resync: 'flush' | 'log or flush'
}

export const fullKeysRules: KeysRules = {
  fillNeeds: 'lease',
  ticket: 'before sending',
  refusedFillStaysOut: true,
  pollsSequence: true,
  pollsEachLane: true,
  flushMarksTickets: true,
  flushCoversLane: true,
  flushStaysInLane: true,
  detectsGaps: true,
  countsEachLane: true,
  detachesFlights: true,
  writerAppliesFirst: true,
  setChecksTicket: true,
  softStaysStale: true,
  fallbackChecksTicket: true,
  laneKeepsHighVersion: true,
  holdsFills: true,
  holdForEachWriter: true,
  guardsOutliveMetadata: true,
  lostGuardsHoldFills: true,
  fences: true,
  setObeysFence: true,
  setObeysHolds: true,
  refusedSetIsApplied: true,
  refusedLoadIsRepeated: true,
  leaseTellsFence: true,
  resync: 'log or flush',
}

/** What one process does, once. */
export interface Role {
  readonly does: 'read' | 'delete' | 'expire' | 'set' | 'mutate'
  readonly instance: number
  readonly key: number
}

/** Who takes part and what may go wrong. */
export interface Cast {
  readonly roles: readonly Role[]
  /** The lane of each key. Default: one key in one lane. */
  readonly lanes?: readonly number[]
  /** Keys that are in L2 from the beginning, and those of them that are also in L1 of instance 0. */
  readonly inL2?: readonly number[]
  readonly inL1?: readonly number[]
  /** Whether instances poll. Default: only where messages get lost. */
  readonly polls?: boolean
  readonly losses?: number
  readonly evictions?: number
  readonly failures?: number
  readonly clockSteps?: number
  readonly crashes?: number
  readonly lostGuards?: number
  /** Whether writers pass the version of the source, and loads read a replica that may lag. */
  readonly fenced?: boolean
  readonly replicaLags?: boolean
}

/** What does not change while a model runs. */
export interface World {
  readonly rules: KeysRules
  readonly cast: Cast
  readonly roles: readonly Role[]
  readonly laneOf: readonly number[]
  /** The instances with readers. To the others messages make no difference. */
  readonly listeners: readonly number[]
  readonly polls: boolean
}

/** The steps out of one state are being listed. */
export interface Moment {
  readonly w: World
  readonly s: KeysState
  readonly take: Take<KeysState>
}

export function createWorld(rules: KeysRules, cast: Cast): World {
  const { roles, lanes = [0], losses = 0, polls = losses > 0 } = cast
  const listeners = [0, 1].filter((i) => roles.some(({ does, instance }) => does === 'read' && instance === i))
  return { rules, cast, roles, laneOf: lanes, listeners, polls: polls && rules.pollsSequence }
}

export function initialState({ cast, roles, laneOf }: World): KeysState {
  const keys = laneOf.length
  const lanes = Math.max(...laneOf) + 1
  const zeros = (length: number): number[] => Array.from({ length }, () => 0)
  const emptyKey = () => ({ entry: noCopy(), metaVer: 0, lease: 0, holds: 0, fence: 0, topVer: 0 })
  const emptyInstance = () => ({
    l1: Array.from({ length: keys }, noCopy),
    last: zeros(lanes),
    queue: Array.from({ length: lanes }, (): number[] => []),
    poll: zeros(lanes),
    known: zeros(keys),
    knownHard: zeros(keys),
  })
  const state: KeysState = {
    source: zeros(keys),
    replica: zeros(keys),
    keys: Array.from({ length: keys }, emptyKey),
    lanes: Array.from({ length: lanes }, () => ({
      log: [],
      highVer: 0,
      holds: zeros(keys),
      fences: zeros(keys),
      cold: 0,
    })),
    instances: [emptyInstance(), emptyInstance()],
    processes: roles.map(() => idleProcess()),
    clock: 0,
    losses: cast.losses ?? 0,
    evictions: cast.evictions ?? 0,
    failures: cast.failures ?? 0,
    clockSteps: cast.clockSteps ?? 0,
    crashes: cast.crashes ?? 0,
    lostGuards: cast.lostGuards ?? 0,
    mixedLanes: 0,
    repeatedVersion: 0,
  }
  warm(state, cast)
  return state
}

function warm(s: KeysState, { inL2 = [], inL1 = [] }: Cast): void {
  for (const key of inL2) {
    s.clock = 1
    Object.assign(s.keys[key]!, { entry: { value: 0, ver: 1, soft: 0 }, topVer: 1 })
  }
  for (const key of inL1) s.instances[0]!.l1[key] = { value: 0, ver: 1, soft: 0 }
}

function idleProcess(): KeysState['processes'][number] {
  return {
    at: 0,
    mark: 0,
    hardMark: 0,
    detached: 0,
    need: 0,
    needHard: 0,
    value: 0,
    ver: 0,
    lease: 0,
    fence: 0,
    fallbackValue: 0,
    fallbackVer: 0,
    fellBack: 0,
  }
}

/** What a reader gets whose load failed and which has nothing to fall back to: an error, which is never stale. */
export const FAILED = FOREVER
