import { describe, expect, it } from 'vitest'
import { FollowedLane } from './followed-lane.ts'

const followed = (): Promise<FollowedLane> => new FollowedLane().started()

describe('messages of a lane', () => {
  it('are told in their order, those of this instance as its own', async () => {
    const { lane, server, ...rest } = await followed()
    rest.told.length = 0
    lane.receive(server.emit('a'))
    lane.receive(server.emit('b', 'me'))
    lane.receive(server.emit('c'))
    expect(rest.told).toEqual(['changed a', 'own b', 'changed c'])
    expect(rest.reads).toEqual([undefined])
  })

  it('are dropped when they were told before', async () => {
    const one = await followed()
    const a = one.server.emit('a')
    const b = one.server.emit('b')
    for (const message of [a, b, a, b, a]) one.lane.receive(message)
    await one.runtime.settle()
    expect(one.words()).toEqual(['changed a', 'changed b'])
    expect(one.reads).toHaveLength(1)
  })

  it('are told from the log when one is missing', async () => {
    const one = await followed()
    one.lane.receive(one.server.emit('a'))
    one.server.emit('lost on the way')
    one.lane.receive(one.server.emit('c'))
    await one.runtime.settle()
    expect(one.words()).toEqual(['changed a', 'changed lost on the way', 'changed c', 'confirmed 0'])
    expect(one.reads).toEqual([undefined, 1])
  })

  it('may come in another order', async () => {
    const one = await followed()
    const [a, b, c] = [one.server.emit('a'), one.server.emit('b'), one.server.emit('c')]
    for (const message of [c, a, b]) one.lane.receive(message)
    await one.runtime.settle()
    expect(one.words()).toEqual(['changed a', 'changed b', 'changed c', 'confirmed 0'])
  })

  it('wait while the log is read, and follow then', async () => {
    const one = await followed()
    one.server.emit('a')
    one.lane.resync()
    const page = one.server.emit('b')
    one.lane.receive(page)
    one.lane.receive(one.server.emit('c'))
    expect(one.told).toEqual([])
    await one.runtime.settle()
    expect(one.words().filter((word) => word.startsWith('changed'))).toEqual(['changed a', 'changed b', 'changed c'])
  })

  it('are found in the log when too many of them wait', async () => {
    const one = await followed()
    one.server.emit('first')
    one.lane.resync()
    await Promise.resolve()
    for (let i = 0; i < 2500; i++) one.lane.receive(one.server.emit(`k${i}`))
    one.lane.receive(one.server.emit('last'))
    await one.runtime.settle()
    one.lane.receive(one.server.emit('after'))
    await one.runtime.settle()
    const changed = one.words().filter((word) => word.startsWith('changed'))
    expect(changed).toHaveLength(2503)
    // A thousand waited, behind the one that the log had.
    expect(one.reads.slice(0, 3)).toEqual([undefined, 0, 1001])
    expect(changed.slice(-2)).toEqual(['changed last', 'changed after'])
  })

  it('make everything unproven when they follow another history with the same numbers', async () => {
    const one = await followed()
    one.lane.receive(one.server.emit('a'))
    one.lane.receive(one.server.emit('b'))
    one.server.rollBack(1)
    one.server.emit('other b')
    one.words()
    // Its number follows, but what it follows is not what was told.
    one.lane.receive(one.server.emit('c'))
    await one.runtime.settle()
    expect(one.words()).toEqual(['lost', 'diverged', 'confirmed 0'])
    one.lane.receive(one.server.emit('d'))
    expect(one.words()).toEqual(['changed d'])
  })

  it('make everything unproven when they have a number that was told with another id', async () => {
    const one = await followed()
    for (const key of ['a', 'b', 'c']) one.lane.receive(one.server.emit(key))
    one.server.rollBack(2)
    one.words()
    one.lane.receive(one.server.emit('other b'))
    await one.runtime.settle()
    expect(one.words()).toEqual(['lost', 'diverged', 'confirmed 0'])
  })

  it('that cannot be read make the lane look into the log', async () => {
    const one = await followed()
    one.words()
    one.server.emit('a')
    one.lane.receiveUnreadable()
    await one.runtime.settle()
    expect(one.words()).toEqual(['changed a', 'confirmed 0'])
  })

  it('do not ask for a log again and again that cannot be read', async () => {
    const one = await followed()
    one.server.fails = true
    one.server.emit()
    one.lane.receive(one.server.emit())
    await one.runtime.settle()
    for (let i = 0; i < 10; i++) one.lane.receive(one.server.emit())
    one.lane.receiveUnreadable()
    await one.runtime.settle()
    expect(one.reads).toHaveLength(2)
    await one.runtime.advance(100)
    one.lane.receive(one.server.emit())
    await one.runtime.settle()
    expect(one.reads).toHaveLength(3)
    await one.runtime.advance(100)
    one.lane.receiveUnreadable()
    await one.runtime.settle()
    expect(one.reads).toHaveLength(4)
  })

  it('are told no more after the end', async () => {
    const one = await followed()
    one.words()
    one.server.emit('a')
    one.lane.resync()
    one.lane.receive(one.server.emit('b'))
    one.lane.close()
    await one.runtime.settle()
    one.lane.receive(one.server.emit('c'))
    one.lane.receiveUnreadable()
    expect(await one.confirm()).toEqual([])
    expect(await one.resync()).toEqual([])
    expect(one.runtime.pendingTimers).toEqual([])
    expect(one.reads).toHaveLength(2)
    const other = await followed()
    other.words()
    other.lane.close()
    other.lane.receive(other.server.emit('next'))
    expect(other.words()).toEqual([])
    const waiting = await followed()
    waiting.server.emit()
    await waiting.confirm()
    waiting.lane.close()
    expect(waiting.runtime.pendingTimers).toEqual([])
  })
})

describe('the confirmation of a lane', () => {
  it('is of the instant before the head was asked for', async () => {
    const one = await followed()
    await one.runtime.advance(1000)
    one.words()
    const asked = { instant: one.runtime.clock.now(), point: one.lane.point }
    await one.runtime.advance(30)
    one.lane.confirm(one.server.head, asked)
    expect(one.words()).toEqual(['confirmed 1000'])
    expect(one.reads).toHaveLength(1)
  })

  it('comes with the message of the head when that is still on its way', async () => {
    const one = await followed()
    const message = one.server.emit('a')
    one.words()
    expect(await one.confirm()).toEqual([])
    await one.runtime.advance(249)
    one.lane.receive(message)
    expect(one.words()).toEqual(['changed a', 'confirmed 0'])
    await one.runtime.advance(1000)
    expect(one.words()).toEqual([])
  })

  it('does not come with a message before the head', async () => {
    const one = await followed()
    const [a, b] = [one.server.emit('a'), one.server.emit('b')]
    one.words()
    await one.confirm()
    one.lane.receive(a)
    expect(one.words()).toEqual(['changed a'])
    one.lane.receive(b)
    expect(one.words()).toEqual(['changed b', 'confirmed 0'])
  })

  it('is sought in the log when the message stays away', async () => {
    const one = await followed()
    one.server.emit('tail')
    one.words()
    await one.confirm()
    await one.runtime.advance(249)
    expect(one.words()).toEqual([])
    await one.runtime.advance(1)
    expect(one.words()).toEqual(['overdue', 'changed tail', 'confirmed 250'])
  })

  it('is sought in the log at once when no message can come', async () => {
    const one = await followed()
    one.isHeard = false
    one.server.emit('tail')
    one.words()
    expect(await one.confirm()).toEqual(['changed tail', 'confirmed 0'])
  })

  it('stands when messages have overtaken the head', async () => {
    const one = await followed()
    one.lane.receive(one.server.emit('a'))
    const asked = { instant: 0, point: one.lane.point }
    const { head } = one.server
    for (let i = 0; i < 500; i++) one.lane.receive(one.server.emit())
    one.words()
    one.lane.confirm(head, asked)
    expect(one.words()).toEqual(['confirmed 0'])
  })

  it('fails when the server has gone back to a head of before, although that was told', async () => {
    const one = await followed()
    for (const key of ['a', 'b', 'c']) one.lane.receive(one.server.emit(key))
    one.server.rollBack(2)
    one.words()
    expect(await one.confirm()).toEqual(['lost', 'diverged', 'confirmed 0'])
  })

  it('fails when the head has the number of what was told and another id', async () => {
    const one = await followed()
    for (const key of ['a', 'b']) one.lane.receive(one.server.emit(key))
    one.server.rollBack(1)
    one.server.emit('other b')
    one.words()
    expect(await one.confirm()).toEqual(['lost', 'diverged', 'confirmed 0'])
  })

  it('fails when the server has lost its memory, which then gets a new beginning', async () => {
    const one = await followed()
    one.lane.receive(one.server.emit('a'))
    one.server.flush()
    one.words()
    expect(await one.confirm()).toEqual(['lost', 'diverged', 'confirmed 0'])
    expect(one.server.head?.sequence).toBe(0)
    one.lane.receive(one.server.emit('b'))
    expect(await one.confirm()).toEqual(['changed b', 'confirmed 0'])
  })

  it('fails when the memory was lost before anything was changed', async () => {
    const one = await followed()
    one.server.flush()
    one.words()
    expect(await one.confirm()).toEqual(['lost', 'diverged', 'confirmed 0'])
  })

  it('does not put off the wait for an earlier head', async () => {
    const one = await followed()
    one.server.emit('a')
    one.words()
    await one.confirm()
    await one.runtime.advance(200)
    one.server.emit('b')
    await one.confirm()
    await one.runtime.advance(49)
    expect(one.words()).toEqual([])
    await one.runtime.advance(1)
    expect(one.words()).toEqual(['overdue', 'changed a', 'changed b', 'confirmed 250'])
    expect(one.runtime.pendingTimers).toEqual([])
  })

  it('is left to the reading of the log while that goes on', async () => {
    const one = await followed()
    one.server.emit('a')
    one.words()
    one.lane.resync()
    one.lane.confirm(one.server.head, { instant: -1000, point: one.lane.point })
    await one.runtime.settle()
    expect(one.words()).toEqual(['changed a', 'confirmed 0'])
    expect(one.reads).toHaveLength(2)
  })

  it('is not waited for once the log is read', async () => {
    for (const left of [1, 0]) {
      const one = await followed()
      one.server.emit('a')
      await one.confirm()
      one.server.trim(left)
      await one.resync()
      expect(one.runtime.pendingTimers).toEqual([])
    }
  })
})
