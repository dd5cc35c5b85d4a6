import { type KeysState, Read, Write } from './state.ts'
import type { World } from './world.ts'

/** The promise that a state breaks, of those that hold at all times and of those that hold at rest. */
export function brokenPromise(w: World, s: KeysState): string | undefined {
  if (s.mixedLanes) return 'a gap in one lane takes a key of another lane out of L1'
  if (s.repeatedVersion) return 'a version of a key is not above the one before'
  for (const key of s.keys.keys()) {
    const broken = resurrection(w, s, key) ?? (isRest(w, s) ? staleness(s, key) : undefined)
    if (broken !== undefined) return broken
  }
  return undefined
}

/** P1 and P2: nothing comes back that a change has removed, and versions only grow. */
function resurrection(w: World, s: KeysState, key: number): string | undefined {
  const { entry } = s.keys[key]!
  const changes = s.lanes[w.laneOf[key]!]!.log.filter((change) => change.key === key)
  const isFenced = !w.cast.replicaLags || w.rules.fences
  const removed = newest(changes.filter(({ hard }) => hard))
  const least = entry.soft ? removed : newest(changes)
  if (entry.ver > 0 && entry.value < least && isFenced) return `L2 holds ${entry.value} after the change to ${least}`
  for (const [i, { l1, known, knownHard }] of s.instances.entries()) {
    const copy = l1[key]!
    const told = copy.soft ? knownHard[key]! : known[key]!
    if (copy.ver > 0 && copy.value < told)
      return `L1 at ${i} holds ${copy.value} after it applied the change to ${told}`
  }
  return undefined
}

const newest = (changes: readonly { value: number }[]): number =>
  changes.reduce((max, { value }) => Math.max(max, value), 0)

/** P3 without a clock: when all is said, no copy that counts as fresh is older than the source. */
function staleness(s: KeysState, key: number): string | undefined {
  const { entry } = s.keys[key]!
  const version = s.source[key]!
  if (entry.ver > 0 && !entry.soft && entry.value < version)
    return `at rest L2 holds ${entry.value}, the source ${version}`
  for (const [i, { l1 }] of s.instances.entries()) {
    const copy = l1[key]!
    if (copy.ver > 0 && !copy.soft && copy.value < version)
      return `at rest L1 at ${i} holds ${copy.value}, the source ${version}`
  }
  return undefined
}

/** Nothing is under way: no process, no message, no transaction, and every lane has been read to its end. */
export function isRest(w: World, s: KeysState): boolean {
  const isDone = s.processes.every(({ at }, n) =>
    w.roles[n]!.does === 'read' ? at === Read.done : at === Write.done || at === Write.crashed,
  )
  return isDone && w.listeners.every((i) => hasHeardAll(w, s, s.instances[i]!))
}

function hasHeardAll(w: World, s: KeysState, { last, queue, poll }: KeysState['instances'][number]): boolean {
  return s.lanes.every(({ log }, lane) => {
    const isPolled = w.polls && (lane === 0 || w.rules.pollsEachLane)
    return queue[lane]!.length === 0 && poll[lane] === 0 && (!isPolled || last[lane]! >= log.length)
  })
}
