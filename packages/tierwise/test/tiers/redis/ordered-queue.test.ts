import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { OrderedQueue } from '../../../src/tiers/redis/ordered-queue.ts'
import type { Write, WriteReply } from '../../../src/tiers/redis/store.ts'

interface Sent {
  readonly keys: string[]
  answer(): void
  fail(error: Error): void
}

/** A queue whose commands are answered when the test says so. */
function heldQueue(): { queue: OrderedQueue<Write, WriteReply>; sent: Sent[] } {
  const sent: Sent[] = []
  const queue = new OrderedQueue<Write, WriteReply>(
    (writes) =>
      new Promise((resolve, reject) => {
        const keys = writes.map(({ key, limit }) => `${key}@${limit}`)
        sent.push({ keys, answer: () => resolve(writes.map((): WriteReply => 'written')), fail: reject })
      }),
  )
  return { queue, sent }
}

function write(key: string, limit: number, bytes = 10): Write {
  return { key, group: 0, limit, lifeMs: Infinity, bytes: Buffer.alloc(bytes) }
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('OrderedQueue', () => {
  it('holds a write back while an earlier one of its key is under way, and no other', async () => {
    const { queue, sent } = heldQueue()
    void queue.add([write('a', 1)])
    await tick()
    void queue.add([write('a', 2), write('b', 2)])
    void queue.add([write('a', 3)])
    await tick()
    expect(sent.map(({ keys }) => keys)).toEqual([['a@1'], ['b@2']])
    sent[0]?.answer()
    await tick()
    expect(sent[2]?.keys).toEqual(['a@2', 'a@3'])
  })

  it('keeps the writes of a key in order when a batch is split', async () => {
    const { queue, sent } = heldQueue()
    const filler = Array.from({ length: 31 }, (_, index) => write(`f${index}`, 1))
    void queue.add([write('a', 1), ...filler, write('b', 1), write('a', 2)])
    await tick()
    expect(sent.map(({ keys }) => keys.length)).toEqual([32, 1])
    sent[0]?.answer()
    await tick()
    expect(sent[2]?.keys).toEqual(['a@2'])
  })

  it('goes on with what waited when a command fails, which fails its own callers only', async () => {
    const { queue, sent } = heldQueue()
    const first = queue.add([write('a', 1)])
    await tick()
    const second = queue.add([write('a', 2)])
    sent[0]?.fail(new Error('cut'))
    await expect(first).rejects.toThrow('cut')
    await tick()
    sent[1]?.answer()
    expect(await second).toEqual(['written'])
  })

  it('drains what waits and what is under way', async () => {
    const { queue, sent } = heldQueue()
    let isDrained = false
    void queue.add([write('a', 1)])
    const drained = queue.drain().then(() => (isDrained = true))
    void queue.add([write('a', 2)])
    await tick()
    sent[0]?.answer()
    await tick()
    expect(isDrained).toBe(false)
    sent[1]?.answer()
    await drained
    expect(sent.map(({ keys }) => keys)).toEqual([['a@1'], ['a@2']])
  })

  it('keeps the order of each key whatever the order of the answers', async () => {
    const seed = Number(process.env['SEED'] ?? 20_261_121)
    const random = seededRandom(seed)
    const { queue, sent } = heldQueue()
    const seen = new Map<string, number>()
    let version = 0
    let answered = 0
    const open: Sent[] = []
    for (let step = 0; step < 2000 || answered < sent.length; step++) {
      if (step < 2000 && random() < 0.6)
        void queue.add(
          Array.from({ length: 1 + Math.floor(random() * 5) }, () => write(`k${Math.floor(random() * 8)}`, ++version)),
        )
      if (random() < 0.5) await tick()
      for (const command of sent.slice(open.length)) open.push(command)
      const waiting = open.filter((command) => command.keys.length > 0)
      const command = waiting[Math.floor(random() * waiting.length)]
      if (command === undefined) continue
      for (const text of command.keys.splice(0)) {
        const [key = '', limit] = text.split('@')
        expect(Number(limit), `seed ${seed}`).toBeGreaterThan(seen.get(key) ?? 0)
        seen.set(key, Number(limit))
      }
      command.answer()
      answered++
      if (step >= 2000) await tick()
    }
    expect(version).toBeGreaterThan(2000)
  })
})
