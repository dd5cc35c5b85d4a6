import { describe, expect, it } from 'vitest'

import { atOnce, startFleet, type Fleet, type Member } from '../fleet.ts'
import { expectAll, expectNothingOlder, maxStalenessMs } from './promises.ts'
import { Source } from './source.ts'

/** `k` is 1 in the store and in every memory. */
async function startWarm(options?: Parameters<typeof startFleet>[0]): Promise<Fleet> {
  const fleet = await startFleet(options)
  await atOnce(fleet.members[0]!.cache.set('k', 1))
  await expectAll(fleet, 1)
  return fleet
}

/** For how long the member goes on answering 1 from memory, to 50 ms. */
async function servesOldFor(fleet: Fleet, { cache }: Member, withinMs: number): Promise<number> {
  for (let ms = 0; ms <= withinMs; ms += 50) {
    if (cache.peek('k') !== 1) return ms
    await fleet.runtime.advance(50)
  }
  return Infinity
}

describe('7. a message is lost and nothing else is published', () => {
  it('and the next look at the store finds out', async () => {
    const fleet = await startWarm()
    const [a, b] = fleet.members
    b!.instance.messages.drop()
    await atOnce(a!.cache.set('k', 2))
    expect(b!.cache.peek('k')).toBe(1)
    expect(await servesOldFor(fleet, b!, 10_000)).toBeLessThanOrEqual(1300)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('and looks at the store fail: nothing is served after the bound', async () => {
    const fleet = await startWarm()
    const [a, b] = fleet.members
    b!.instance.messages.drop(Infinity)
    const polls = b!.instance.pause('poll', { moment: 'before' })
    await atOnce(a!.cache.set('k', 2))
    const servedMs = await servesOldFor(fleet, b!, 20_000)
    expect(servedMs).toBeLessThanOrEqual(maxStalenessMs)
    expect(servedMs).toBeGreaterThan(maxStalenessMs - 1100)
    polls.resume()
    await fleet.runtime.advance(1300)
    await expectNothingOlder(fleet, 2)
  })

  it.each(['poll', 'resync'] as const)(
    'and the last answer to a look is late: it proves nothing of its way (%s)',
    async (last) => {
      const lateMs = 700
      const fleet = await startWarm()
      const [a, b] = fleet.members
      const { instance } = b!
      const answer = instance.pause(last, { calls: 1 })
      const polls = last === 'resync' ? [instance.pause('poll', { moment: 'before' })] : []
      if (last === 'resync') {
        instance.cut()
        instance.mend()
      }
      await fleet.runtime.advance(last === 'resync' ? 0 : 1000)
      await answer.reached
      instance.messages.drop(Infinity)
      await atOnce(a!.cache.set('k', 2))
      const silent = (['poll', 'resync'] as const).map((operation) => instance.pause(operation, { moment: 'before' }))
      await fleet.runtime.advance(lateMs)
      answer.resume()
      await fleet.runtime.settle()
      expect(await servesOldFor(fleet, b!, 20_000)).toBeLessThanOrEqual(maxStalenessMs - lateMs)
      instance.messages.drop(0)
      for (const pause of [...polls, ...silent]) pause.resume()
      await fleet.runtime.advance(1300)
      await expectNothingOlder(fleet, 2)
    },
  )

  it('that told of a tag', async () => {
    const fleet = await startFleet({ lanes: 2 })
    const [a, b] = fleet.members
    await atOnce(a!.cache.set('k', 1, { tags: ['t'] }))
    await expectAll(fleet, 1)
    b!.instance.messages.drop()
    const tables = b!.instance.pause('tags', { moment: 'before', calls: 1 })
    await atOnce(a!.cache.invalidateTags(['t']))
    await fleet.runtime.advance(1300)
    tables.resume()
    await fleet.runtime.settle()
    await expectAll(fleet, undefined)
  })
})

describe('8. a message is lost and a later one arrives', () => {
  it('and the gap is seen at once', async () => {
    const fleet = await startWarm()
    const [a, b] = fleet.members
    b!.instance.messages.drop()
    await atOnce(a!.cache.set('k', 2))
    expect(b!.cache.peek('k')).toBe(1)
    await atOnce(a!.cache.set('other', 1))
    await fleet.runtime.settle()
    expect(b!.cache.peek('k')).toBe(undefined)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('in another lane, which proves nothing of this one', async () => {
    const fleet = await startWarm({ lanes: 4 })
    const [a, b] = fleet.members
    b!.instance.messages.drop()
    await atOnce(a!.cache.set('k', 2))
    for (let other = 0; other < 20; other++) await atOnce(a!.cache.set(`other-${other}`, 1))
    await fleet.runtime.advance(1300)
    expect(b!.cache.peek('k')).toBe(undefined)
    await expectAll(fleet, 2)
  })
})

describe('9. messages come twice and in another order', () => {
  it('and the newest value stays', async () => {
    const fleet = await startWarm()
    const [a, b] = fleet.members
    const { messages } = b!.instance
    messages.hold()
    for (const value of [2, 3]) await atOnce(a!.cache.set('k', value))
    await atOnce(a!.cache.delete('k'))
    await atOnce(a!.cache.set('k', 4))
    messages.duplicate(Infinity)
    messages.reverse()
    messages.release()
    await fleet.runtime.settle()
    expect(b!.cache.peek('k')).toBe(undefined)
    await expectNothingOlder(fleet, 4)
    await expectAll(fleet, 4)
    messages.duplicate(0)
  })

  it('and a value that was read after all of them is not lost to them', async () => {
    const fleet = await startWarm()
    const [a, b] = fleet.members
    b!.instance.messages.hold()
    const { token } = await atOnce(a!.cache.set('k', 2))
    await atOnce(a!.cache.set('other', 2))
    expect(await atOnce(b!.cache.get('k', { after: token }))).toBe(2)
    expect(b!.cache.peek('k')).toBe(2)
    b!.instance.messages.duplicate(Infinity)
    b!.instance.messages.release()
    await fleet.runtime.settle()
    expect(b!.cache.peek('k')).toBe(2)
  })

  it('and a version that memory holds is never followed by an older one', async () => {
    const fleet = await startWarm()
    const [a, b] = fleet.members
    const { messages } = b!.instance
    let newest = 0
    for (let round = 0; round < 30; round++) {
      messages.hold()
      for (let each = 0; each < 3; each++) await atOnce(a!.cache.set('k', 10 * round + each))
      messages.shuffle()
      messages.release()
      const held = await atOnce(b!.cache.getEntry('k', { tiers: ['memory'] }))
      await atOnce(b!.cache.get('k'))
      const { version = 0 } = (await atOnce(b!.cache.getEntry('k'))) ?? {}
      expect(version).toBeGreaterThanOrEqual(Math.max(newest, held?.version ?? 0))
      newest = version
    }
    await fleet.runtime.advance(1300)
    await expectAll(fleet, 292)
  })
})

describe('10. the connection of the messages is half open for a minute', () => {
  it('and looks at the store replace them', async () => {
    const fleet = await startWarm()
    const [a, b] = fleet.members
    b!.instance.messages.drop(Infinity)
    for (let value = 2; value < 14; value++) {
      await atOnce(a!.cache.set('k', value))
      await fleet.runtime.advance(5000)
      await expectNothingOlder(fleet, value)
      await expectAll(fleet, value)
    }
    b!.instance.messages.drop(0)
  })

  it('and so is that of the looks: memory serves nothing, the store goes on', async () => {
    const fleet = await startWarm()
    const [a, b] = fleet.members
    b!.instance.messages.drop(Infinity)
    const silent = (['poll', 'resync'] as const).map((operation) => b!.instance.pause(operation, { moment: 'before' }))
    await fleet.runtime.advance(maxStalenessMs)
    for (let value = 2; value < 14; value++) {
      await atOnce(a!.cache.set('k', value))
      await fleet.runtime.advance(5000)
      expect(b!.cache.peek('k')).toBe(undefined)
      expect(await atOnce(b!.cache.get('k'))).toBe(value)
      expect(b!.cache.peek('k')).toBe(undefined)
    }
    b!.instance.messages.drop(0)
    for (const pause of silent) pause.resume()
    await fleet.runtime.advance(1300)
    await expectAll(fleet, 13)
    expect(b!.cache.peek('k')).toBe(13)
  })
})

describe('11. a subscriber is cut off in the middle of a burst', () => {
  it('and reads what it has missed', async () => {
    const fleet = await startWarm()
    const [a, b] = fleet.members
    const { messages } = b!.instance
    messages.hold()
    for (let value = 2; value < 200; value++)
      await atOnce(a!.cache.set(value % 10 === 0 ? 'k' : `other-${value}`, value))
    messages.drop(Math.floor(messages.held / 2))
    messages.release()
    b!.instance.cut()
    await atOnce(a!.cache.set('k', 200))
    b!.instance.mend()
    await fleet.runtime.settle()
    await expectNothingOlder(fleet, 200)
    await expectAll(fleet, 200)
  })
})

describe('12. an instance comes back', () => {
  it('within what the log keeps, and loses only what has changed', async () => {
    const fleet = await startWarm({ logLength: 5 })
    const [a, b] = fleet.members
    await atOnce(b!.cache.set('same', 1))
    b!.instance.cut()
    for (let value = 2; value <= 6; value++) await atOnce(a!.cache.set('k', value))
    b!.instance.mend()
    await fleet.runtime.settle()
    expect([b!.cache.peek('k'), b!.cache.peek('same')]).toEqual([undefined, 1])
    await expectNothingOlder(fleet, 6)
    await expectAll(fleet, 6)
  })

  it('after it, and believes nothing that it held', async () => {
    const fleet = await startWarm({ logLength: 5 })
    const [a, b] = fleet.members
    await atOnce(b!.cache.set('same', 1))
    const reading = b!.instance.pause('get', { calls: 1 })
    b!.instance.cut()
    await atOnce(a!.cache.set('k', 2))
    for (let value = 2; value <= 7; value++) await atOnce(a!.cache.set(`other-${value}`, value))
    b!.instance.mend()
    await fleet.runtime.settle()
    expect([b!.cache.peek('k'), b!.cache.peek('same')]).toEqual([undefined, undefined])
    reading.resume()
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('after it, and nobody joins a load that began before', async () => {
    const fleet = await startFleet({ logLength: 5 })
    const [a, b] = fleet.members
    const source = new Source()
    const load = source.hold(b!.cache)
    await fleet.runtime.settle()
    b!.instance.messages.drop(8)
    source.write()
    await atOnce(a!.cache.delete('k'))
    for (let value = 0; value < 8; value++) await atOnce(a!.cache.set(`other-${value}`, value))
    await fleet.runtime.settle()
    expect(await atOnce(b!.cache.getOrSet('k', source.load))).toBe(2)
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('after it, with a reply on its way that is older than what was missed', async () => {
    const fleet = await startFleet({ logLength: 5 })
    const [a, b] = fleet.members
    await atOnce(a!.cache.set('k', 1))
    const reading = b!.instance.pause('get', { calls: 1 })
    const read = b!.cache.get('k')
    await reading.reached
    b!.instance.messages.drop(8)
    await atOnce(a!.cache.set('k', 2))
    for (let value = 0; value < 8; value++) await atOnce(a!.cache.set(`other-${value}`, value))
    await fleet.runtime.settle()
    reading.resume()
    expect(await atOnce(read)).toBe(1)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })
})
