import type { FailoverCast, FailoverState, Memory } from './state.ts'

export const emptyMemory = (gen: number): Memory => ({
  gen,
  seq: 0,
  entry: { value: 0, ver: 0 },
  lease: 0,
  highVer: 0,
  announced: 0,
})

const snapshot = (memory: Memory): Memory => ({ ...memory, entry: { ...memory.entry } })

/** Does one operation, which the replica does not have yet. */
function operate(cast: FailoverCast, s: FailoverState, operation: (memory: Memory) => void): void {
  if (s.failovers > 0) s.past = [...s.past, snapshot(s.memory)].slice(-cast.lostOperations)
  operation(s.memory)
}

function nextVersion(s: FailoverState): number {
  s.clock++
  s.memory.highVer = Math.max(s.clock, s.memory.highVer + 1)
  return s.memory.highVer
}

export function acquire(cast: FailoverCast, s: FailoverState, reader: number): void {
  operate(cast, s, (memory) => void (memory.lease = reader + 1))
}

export function fill(cast: FailoverCast, s: FailoverState, value: number): number {
  operate(cast, s, (memory) => {
    memory.lease = 0
    memory.entry = { value, ver: nextVersion(s) }
  })
  return s.memory.entry.ver
}

/** Removes the entry, takes the lease away and tells every subscriber of this server. */
export function invalidate(cast: FailoverCast, s: FailoverState, value: number): number {
  operate(cast, s, (memory) => {
    memory.lease = 0
    memory.entry = { value: 0, ver: 0 }
    memory.seq++
    memory.announced = Math.max(memory.announced, value)
    const message = { gen: memory.gen, seq: memory.seq, ver: nextVersion(s), value }
    for (const instance of s.instances) if (instance.run === s.run) instance.queue.push(message)
  })
  return s.memory.highVer
}

/** Another server takes over with an earlier memory. Its clock may be behind. */
export function failOver(s: FailoverState, at: number, clockIsBehind: boolean): void {
  s.memory = snapshot(s.past[at]!)
  s.past = []
  s.failovers--
  s.run++
  if (clockIsBehind) s.clock = s.memory.highVer
}
