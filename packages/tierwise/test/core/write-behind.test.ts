import { describe, expect, test } from 'vitest'
import type { Entry } from '../../src/contract/entry.ts'
import type { GuardedTier } from '../../src/core/guard/guarded-tier.ts'
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

const write = {
  tier: silent,
  prefix: '',
  record: { key: 'key', bytes: new Uint8Array(0), expiresAt: Infinity, version: 2 },
  entry,
}

describe('an acknowledged write that was overtaken', () => {
  test('is shown until the work that overtook it is done', async () => {
    const queue = new WriteBehind(10)
    queue.offer(write)
    const removal = work()
    const removing = queue.overtake('tier', ['key'], () => removal.promise)
    expect(queue.peek('tier', 'key')).toBe(entry)
    removal.end()
    await removing
    expect(queue.peek('tier', 'key')).toBeUndefined()
    expect(queue.size).toBe(0)
  })

  test('is listed as long as it is shown', async () => {
    const queue = new WriteBehind(10)
    queue.offer(write)
    const removal = work()
    const removing = queue.overtake('tier', ['key'], () => removal.promise)
    expect([...queue.entries('tier', 'k')]).toEqual([['key', entry]])
    expect([...queue.entries('tier', 'other'), ...queue.entries('ti', '')]).toEqual([])
    removal.end()
    await removing
    expect([...queue.entries('tier', '')]).toEqual([])
  })

  test('stays when work ends that had begun before', async () => {
    const queue = new WriteBehind(10)
    const earlier = work()
    const writing = queue.overtake('tier', ['key'], () => earlier.promise)
    queue.offer(write)
    const removal = work()
    const removing = queue.overtake('tier', ['key'], () => removal.promise)
    earlier.end()
    await writing
    expect(queue.peek('tier', 'key')).toBe(entry)
    removal.end()
    await removing
    expect(queue.peek('tier', 'key')).toBeUndefined()
  })

  test('goes when later work is done before the one that overtook it', async () => {
    const queue = new WriteBehind(10)
    queue.offer(write)
    const slow = work()
    const writing = queue.overtake('tier', ['key'], () => slow.promise)
    await queue.overtake('tier', ['key'], () => Promise.resolve())
    expect(queue.peek('tier', 'key')).toBeUndefined()
    slow.end()
    await writing
  })

  test('goes when a newer write from the queue has arrived', async () => {
    const queue = new WriteBehind(10)
    queue.offer(write)
    const slow = work()
    const writing = queue.overtake('tier', ['key'], () => slow.promise)
    const answering = { name: 'tier', set: () => Promise.resolve(['applied']) } as unknown as GuardedTier
    queue.offer({ ...write, tier: answering, entry: { ...entry, version: 3 } })
    await queue.settled()
    expect(queue.peek('tier', 'key')).toBeUndefined()
    slow.end()
    await writing
  })
})
