import { expect, test } from 'vitest'
import type { RedisReply } from '../../../src/clients/redis/port.ts'
import { ReadQueue } from '../../../src/tiers/redis/read-queue.ts'

test('drains what waits and what is under way', async () => {
  const answers: (() => void)[] = []
  const queue = new ReadQueue<string>({
    groupOf: () => 0,
    ask: (keys) => new Promise<readonly RedisReply[]>((resolve) => answers.push(() => resolve(keys))),
    accept: (reply) => String(reply),
    now: () => 0,
  })
  const events: string[] = []
  const read = queue.get(['a'], (value) => value).then((found) => events.push(`read ${found.join()}`))
  const drained = queue.drain().then(() => events.push('drained'))
  expect(answers).toHaveLength(1)
  await Promise.resolve()
  expect(events).toEqual([])
  answers[0]?.()
  await Promise.all([read, drained])
  expect(events).toEqual(['read a', 'drained'])
})
