import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { acquire, change, fleet, granted, versionOf, type Fleet, type Peer } from './fleet.ts'

let all: Fleet
let one: Peer
let other: Peer

async function begin(options?: Parameters<typeof fleet>[0]): Promise<void> {
  all = await fleet(options)
  ;[one, other] = all.peers
}

/** What the peer was told since the last look. */
async function heard(peer: Peer, afterMs?: number): Promise<readonly string[]> {
  if (afterMs === undefined) await all.runtime.settle()
  else await all.runtime.advance(afterMs)
  return peer.told.splice(0)
}

beforeEach(() => begin())

afterEach(async () => {
  await all.stop()
  expect(all.runtime.pendingTimers).toEqual([])
})

describe('messages of a shared store', () => {
  it('tells changes to the others, in order, and not to who made them', async () => {
    await all.listen()
    await change(one, 'a', { operation: 'set' })
    await change(one, 'b', { operation: 'expire' })
    await one.tier.tags!.invalidate(['red', 'blue'], 0)
    expect(await heard(other)).toEqual(['set a in 0', 'expire b in 0', 'tags red blue in 0'])
    expect(await heard(one)).toEqual([])
  })

  it('carries the version of a change and the clock of tags', async () => {
    await all.listen()
    const version = versionOf(await change(one, 'k'))
    const clock = await one.tier.tags!.invalidate(['red'], 0)
    expect(all.store.log().flatMap(({ changes }) => changes)).toEqual([
      { kind: 'key', operation: 'delete', key: 'k', version },
      { kind: 'tags', names: ['red'], clock },
    ])
  })

  it('tells tags in a lane of their own where there are several, and nothing where no tag is named', async () => {
    await all.stop()
    await begin({ lanes: 3 })
    expect([other.bus.lanes, other.bus.tagLane]).toEqual([4, 3])
    await all.listen()
    await one.tier.tags!.invalidate(['red'], 0)
    await one.tier.tags!.invalidate([], 0)
    expect(await heard(other)).toEqual(['tags red in 3'])
    expect(all.store.log(3)).toHaveLength(1)
  })

  it('numbers the changes of a lane and chains them by id', async () => {
    for (const key of ['a', 'b', 'c']) await change(one, key)
    const log = all.store.log()
    expect(log.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    expect(log.slice(1).map(({ before }) => before)).toEqual(log.slice(0, 2).map(({ id }) => id))
    expect(log.map(({ source }) => source)).toEqual([one.link.id, one.link.id, one.link.id])
  })

  it('arrives apart from the reply', async () => {
    await all.listen()
    const reply = one.link.pause('change')
    const changing = change(one, 'k')
    await reply.reached
    expect(await heard(other)).toEqual(['delete k in 0'])
    reply.resume()
    other.link.messages.hold()
    await changing
    await change(one, 'k')
    expect(await heard(other)).toEqual([])
  })

  it('tells nothing before the start and after the stop', async () => {
    await change(one, 'a')
    expect(await heard(other, 2000)).toEqual([])
    await all.listen()
    other.link.messages.hold()
    await change(one, 'b')
    await other.bus.stop()
    expect(other.link.messages.held).toBe(0)
    await change(one, 'c')
    expect(await heard(other, 2000)).toEqual([])
    expect(other.link.messages.held).toBe(0)
  })

  it('tells of keys that code outside of the library has removed', async () => {
    await all.listen()
    await change(one, 'k', { operation: 'set' })
    await heard(other)
    all.store.removeForeign(['k'])
    expect(await heard(one)).toEqual(['touched k'])
    expect(await heard(other)).toEqual(['touched k'])
    expect(all.store.head('k').record).toBe('absent')
    expect(all.store.log()).toHaveLength(1)
  })
})

describe('confirm loop of a shared store', () => {
  it('loses each lane at the start, confirms it at once and then every second', async () => {
    await all.stop()
    await begin({ lanes: 2 })
    other.bus.start(other.listener)
    other.bus.start(other.listener)
    const confirmed = (ms: number): string[] => [0, 1, 2].map((lane) => `confirmed ${lane} at ${ms}`)
    expect(await heard(other)).toEqual(['lost 0', 'lost 1', 'lost 2', ...confirmed(0)])
    expect(await heard(other, 2500)).toEqual([...confirmed(1000), ...confirmed(2000)])
  })

  it('confirms what it was asked for, not when the answer came', async () => {
    await all.listen()
    const answer = other.link.pause('poll')
    await heard(other, 1700)
    answer.resume()
    expect(await heard(other)).toEqual(['confirmed 0 at 1000'])
    expect(await heard(other, 300)).toEqual(['confirmed 0 at 2000'])
  })

  it('asks nothing new while an answer is outstanding', async () => {
    await all.listen()
    const answer = other.link.pause('poll')
    await heard(other, 3500)
    expect(answer.waiting).toBe(1)
  })

  it('confirms late when the message was late, with the instant of the question', async () => {
    await all.listen()
    other.link.messages.hold()
    await change(one, 'k')
    expect(await heard(other, 1249)).toEqual([])
    other.link.messages.release()
    expect(await heard(other, 1)).toEqual(['delete k in 0', 'confirmed 0 at 1000'])
  })

  it('confirms by an answer that a later message has overtaken', async () => {
    await all.listen()
    const answer = other.link.pause('poll')
    await heard(other, 1000)
    await change(one, 'k')
    await all.runtime.advance(100)
    answer.resume()
    expect(await heard(other)).toEqual(['delete k in 0', 'confirmed 0 at 1000'])
  })

  it('finds a lost last message and reads it from the log', async () => {
    await all.listen()
    other.link.messages.drop()
    await change(one, 'k')
    expect(await heard(other, 1249)).toEqual([])
    expect(await heard(other, 1)).toEqual(['delete k in 0', 'confirmed 0 at 1250'])
  })

  it('reads what is missing before a message from the log at once', async () => {
    await all.listen()
    other.link.messages.drop(2)
    for (const key of ['a', 'b', 'c']) await change(one, key)
    expect(await heard(other)).toEqual(['delete a in 0', 'delete b in 0', 'delete c in 0', 'confirmed 0 at 0'])
  })

  it('tells once what came twice or in another order', async () => {
    await all.listen()
    other.link.messages.hold()
    for (const key of ['a', 'b', 'c']) await change(one, key)
    other.link.messages.duplicate(3)
    other.link.messages.reverse()
    other.link.messages.release()
    const told = await heard(other)
    expect(told.filter((text) => text.startsWith('delete'))).toEqual([
      'delete a in 0',
      'delete b in 0',
      'delete c in 0',
    ])
    expect(told).not.toContain('lost 0')
  })

  it('tells in order what arrives while the log is read', async () => {
    await all.listen()
    other.link.messages.drop()
    const log = other.link.pause('resync')
    await change(one, 'a')
    await change(one, 'b')
    await log.reached
    await change(one, 'c')
    expect(await heard(other)).toEqual([])
    log.resume()
    const told = await heard(other)
    expect(told.filter((text) => text.startsWith('delete'))).toEqual([
      'delete a in 0',
      'delete b in 0',
      'delete c in 0',
    ])
    expect(told).not.toContain('lost 0')
  })

  it('loses the lane when the log does not reach back far enough', async () => {
    await all.stop()
    await begin({ logLength: 2 })
    await all.listen()
    other.link.messages.drop(3)
    for (const key of ['a', 'b', 'c']) await change(one, key)
    expect(all.store.log().map(({ sequence }) => sequence)).toEqual([2, 3])
    await change(one, 'd')
    expect(await heard(other)).toEqual(['lost 0', 'confirmed 0 at 0'])
    await change(one, 'e')
    expect(await heard(other)).toEqual(['delete e in 0'])
  })

  it('loses lanes apart', async () => {
    await all.stop()
    await begin({ lanes: 2, logLength: 1 })
    await all.listen()
    const [first, second] = [0, 1].map((lane) => keysIn(lane, 3))
    other.link.messages.drop(2)
    await change(one, first![0]!)
    await change(one, first![1]!)
    await change(one, second![0]!)
    expect(await heard(other)).toEqual([`delete ${second![0]} in 1`])
    expect((await heard(other, 1500)).filter((text) => !text.startsWith('confirmed'))).toEqual(['lost 0'])
  })

  it.each([
    ['lost its memory', (): void => all.store.flush()],
    ['went back to a snapshot', (): void => all.store.restore(before)],
  ])('loses the lane when the store %s', async (_what, fault) => {
    await all.listen()
    await change(one, 'a')
    before = all.store.snapshot()
    await change(one, 'b')
    await heard(other)
    fault()
    expect(await heard(other, 1000)).toEqual(['lost 0', 'confirmed 0 at 1000'])
    await change(one, 'c')
    expect(await heard(other)).toEqual(['delete c in 0'])
  })

  it('loses the lane when a restored store has grown past where the instance was', async () => {
    await all.listen()
    before = all.store.snapshot()
    await change(one, 'a')
    await heard(other)
    all.store.restore(before)
    other.link.messages.drop(1)
    await change(one, 'b')
    await change(one, 'c')
    expect(await heard(other)).toEqual(['lost 0', 'confirmed 0 at 0'])
  })

  it('loses the lane when a number comes again for another change', async () => {
    await all.listen()
    await change(one, 'a')
    before = all.store.snapshot()
    await change(one, 'b')
    await heard(other)
    all.store.restore(before)
    await change(one, 'c')
    expect(await heard(other)).toEqual(['lost 0', 'confirmed 0 at 0'])
  })

  it('notices a store that was emptied before anything was ever changed', async () => {
    await all.listen()
    all.store.flush()
    expect((await heard(other, 1250)).toSorted()).toEqual(['confirmed 0 at 1250', 'lost 0'])
  })

  it('confirms nothing while it is cut off, and tells at once what it has missed', async () => {
    await all.listen()
    other.link.cut()
    await change(one, 'k')
    expect(await heard(other, 3500)).toEqual([])
    other.link.mend()
    expect(await heard(other)).toEqual(['delete k in 0', 'confirmed 0 at 3500'])
  })

  it('catches up by itself when it was started while it was cut off', async () => {
    other.link.cut()
    other.bus.start(other.listener)
    await heard(other, 1500)
    other.link.mend()
    expect(await heard(other)).toEqual(['lost 0', 'confirmed 0 at 1500'])
  })

  it.each(['poll', 'resync'] as const)('says nothing of a %s from before a stop', async (operation) => {
    await all.listen()
    const answer = other.link.pause(operation, { calls: 1 })
    other.link.messages.drop()
    await change(one, 'a')
    await heard(other, 1250)
    expect(answer.waiting).toBe(1)
    await other.bus.stop()
    await all.runtime.advance(50)
    other.bus.start(other.listener)
    expect(await heard(other)).toEqual(['lost 0', 'confirmed 0 at 1300'])
    await change(one, 'b')
    expect(await heard(other)).toEqual(['delete b in 0'])
    answer.resume()
    expect(await heard(other)).toEqual([])
  })

  it('reads the log of a lane once at a time', async () => {
    await all.listen()
    const log = other.link.pause('resync', { calls: 1 })
    other.link.messages.drop()
    await change(one, 'a')
    await change(one, 'b')
    expect(await heard(other, 3000)).toEqual([])
    log.resume()
    expect(await heard(other)).toEqual(['delete a in 0', 'delete b in 0', 'confirmed 0 at 3000'])
  })

  it('tries again with the next message when the log could not be read', async () => {
    const log = other.link.pause('resync')
    other.bus.start(other.listener)
    await log.reached
    log.fail()
    expect(await heard(other)).toEqual([])
    await change(one, 'a')
    expect(await heard(other)).toEqual(['lost 0', 'confirmed 0 at 0'])
  })

  it('is told again of changes that it had heard of before the store forgot them for a while', async () => {
    await all.listen()
    await change(one, 'a')
    before = all.store.snapshot()
    await change(one, 'b')
    const after = all.store.snapshot()
    await heard(other)
    all.store.restore(before)
    expect(await heard(other, 1000)).toEqual(['lost 0', 'confirmed 0 at 1000'])
    all.store.restore(after)
    expect(await heard(other, 1250)).toEqual(['delete b in 0', 'confirmed 0 at 2250'])
  })
})

describe('resuming the bus of a shared store', () => {
  it('tells what has changed since, and does not lose the lane', async () => {
    await all.listen()
    await change(one, 'a')
    await heard(other)
    const position = other.bus.position()
    await other.bus.stop()
    await change(one, 'b')
    other.bus.start(other.listener, position)
    expect(await heard(other)).toEqual(['delete b in 0', 'confirmed 0 at 0'])
  })

  it.each(['', '{', 'null', '[]', '{"0":1}', '{"0":["1","a"]}', '{"0":[0,"unknown"]}', '{"0":[900,"unknown"]}'])(
    'begins anew with the position %s',
    async (position) => {
      other.bus.start(other.listener, position)
      expect(await heard(other)).toEqual(['lost 0', 'confirmed 0 at 0'])
    },
  )

  it('gives the position of the lanes that it has adopted', async () => {
    expect(other.bus.position()).toBe('{}')
    await all.listen()
    await change(one, 'k')
    await heard(other)
    expect(JSON.parse(other.bus.position())).toEqual({ 0: [1, all.store.log()[0]!.id] })
  })
})

describe('wake-ups of a shared store', () => {
  it('reach who waits, and change nothing', async () => {
    await all.listen()
    const lease = await granted(one, 'k')
    await acquire(other, 'k')
    other.link.messages.drop()
    await one.authority.release([{ key: 'k', lease }])
    expect(await heard(other, 1500), 'a lost one is not missed').toEqual(['confirmed 0 at 1000'])
    expect(all.store.log()).toEqual([])
  })
})

let before: ReturnType<Fleet['store']['snapshot']>

/** Some keys that lie in a lane. */
function keysIn(lane: number, count: number): string[] {
  const keys = Array.from({ length: 100 }, (_, index) => `k${index}`)
  return keys.filter((key) => other.bus.laneOf(key) === lane).slice(0, count)
}
