import { describe, expect, test } from 'vitest'
import type { Entry } from '../../src/contract/entry.ts'
import type { GuardedTier } from '../../src/core/guarded-tier.ts'
import { WriteBehind } from '../../src/core/write-behind.ts'

const entry: Entry = {
  value: 'acknowledged',
  version: 2,
  createdAt: 0,
  freshUntil: Infinity,
  usableUntil: Infinity,
  tags: [],
  tagClock: 0,
  loadMs: 0,
  sizeBytes: 0,
}

/** A tier that never answers, so that what is offered stays pending. */
const silent = { name: 'tier', set: () => new Promise(() => undefined) } as unknown as GuardedTier

function work(): { promise: Promise<void>; end: () => void } {
  let end!: () => void
  const promise = new Promise<void>((resolve) => (end = resolve))
  return { promise, end }
}

describe('WriteBehind', () => {
  test('shows what was taken back until the work that took it is done, whatever else ends meanwhile', async () => {
    const queue = new WriteBehind(10)
    const earlier = work()
    const earlierWrite = queue.overtake('tier', ['key'], () => earlier.promise)
    const record = { key: 'key', bytes: new Uint8Array(0), expiresAt: Infinity, version: 2 }
    queue.offer({ tier: silent, prefix: '', record, entry })
    const removal = work()
    const removing = queue.overtake('tier', ['key'], () => removal.promise)

    earlier.end()
    await earlierWrite
    expect(queue.peek('tier', 'key')).toBe(entry)

    removal.end()
    await removing
    expect(queue.peek('tier', 'key')).toBeUndefined()
    expect(queue.size).toBe(0)
  })
})
