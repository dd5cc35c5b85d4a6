import type { LocalTier } from '../../contract/tier.ts'
import { MemoryTier } from './memory-tier.ts'
import type { MemorySpace } from './space.ts'
import { inMain, mainAnchor, windowAnchor } from './slot-table.ts'
import type { SlotTable } from './slot-table.ts'

/**
 * Looks at everything a memory tier holds and compares it with its own books: index, slots, queues and sums. For tests.
 *
 * @throws Error that says what does not add up.
 */
export function checkInvariants(tier: LocalTier): void {
  if (!(tier instanceof MemoryTier)) throw new TypeError('Only a memory tier can be checked')
  let bytes = 0
  let entries = 0
  for (const space of tier.spaces) {
    checkSpace(space)
    bytes += space.bytes
    entries += space.size
  }
  const usage = tier.usage()
  expectEqual(usage.bytes, bytes, 'bytes of the tier and of its spaces')
  expectEqual(usage.entries, entries, 'entries of the tier and of its spaces')
  expectAtMost(bytes, tier.limits.maxBytes, 'bytes of the tier')
  expectAtMost(entries, tier.limits.maxEntries, 'entries of the tier')
}

function checkSpace(space: MemorySpace): void {
  const { index, slots, policy } = space.parts
  const window = queueFrom(slots, windowAnchor)
  const main = queueFrom(slots, mainAnchor)
  expectEqual(policy.windowSize, window.length, 'length of the window')
  expectEqual(policy.size, window.length + main.length, 'length of both queues')
  expectEqual(policy.windowBytes, weightOf(slots, window), 'weight of the window')
  expectEqual(policy.bytes, space.bytes, 'weight of both queues and of the space')
  for (const slot of window) checkSlot(space, slot, 0)
  for (const slot of main) checkSlot(space, slot, inMain)
  expectEqual(index.size, window.length + main.length, 'entries in the index and in the queues')
  expectEqual(weightOf(slots, [...window, ...main]), space.bytes, 'weights of the slots and bytes of the space')
  expectAtMost(space.bytes, space.limits.maxBytes, `bytes of "${space.namespace}"`)
  expectAtMost(space.size, space.limits.maxEntries, `entries of "${space.namespace}"`)
  checkUnused(slots, new Set([...window, ...main]))
}

/** The slots of a queue, oldest last; both directions must tell the same. */
function queueFrom(slots: SlotTable, anchor: number): number[] {
  const queue: number[] = []
  let before = anchor
  for (let slot = slots.next[anchor] as number; slot !== anchor; slot = slots.next[slot] as number) {
    expectEqual(slots.previous[slot], before, `neighbour before slot ${slot}`)
    queue.push(slot)
    expectAtMost(queue.length, slots.end, 'length of a queue')
    before = slot
  }
  expectEqual(slots.previous[anchor], before, 'end of a queue')
  return queue
}

function checkSlot({ parts: { index, slots } }: MemorySpace, slot: number, queue: number): void {
  const key = slots.keys[slot]
  if (key === undefined) throw new Error(`Slot ${slot} is in a queue and has no key`)
  expectEqual(index.get(key), slot, `slot in the index of the key in slot ${slot}`)
  expectEqual((slots.meta[slot] as number) & inMain, queue, `queue bit of slot ${slot}`)
}

/** Slots outside the queues hold nothing, or values would stay reachable. */
function checkUnused(slots: SlotTable, used: ReadonlySet<number>): void {
  for (let slot = slots.start; slot < slots.end; slot++) {
    if (used.has(slot)) continue
    expectEqual(slots.keys[slot], undefined, `key of the free slot ${slot}`)
    expectEqual(slots.values[slot], undefined, `value of the free slot ${slot}`)
    expectEqual(slots.weight[slot], 0, `weight of the free slot ${slot}`)
  }
}

function weightOf(slots: SlotTable, queue: readonly number[]): number {
  return queue.reduce((sum, slot) => sum + (slots.weight[slot] as number), 0)
}

function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`Memory tier: ${what}: ${String(actual)} is not ${String(expected)}`)
}

function expectAtMost(actual: number, limit: number, what: string): void {
  if (actual > limit) throw new Error(`Memory tier: ${what}: ${actual} is more than ${limit}`)
}
