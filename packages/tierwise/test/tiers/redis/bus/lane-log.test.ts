import { describe, expect, it } from 'vitest'
import { fakeRuntime } from '../../../../src/testing/index.ts'
import { pageSize } from '../../../../src/tiers/redis/bus/lane-page.ts'
import { FakeLaneServer } from './fake-lane-server.ts'
import { FollowedLane } from './followed-lane.ts'

const followed = (): Promise<FollowedLane> => new FollowedLane().started()

describe('the log of a lane', () => {
  it('brings what was missed, in any number of pages', async () => {
    const one = await followed()
    const count = 3 * pageSize + 7
    for (let i = 0; i < count; i++) one.server.emit(`k${i}`)
    one.words()
    const words = await one.resync()
    expect(words.slice(0, -1)).toEqual(Array.from({ length: count }, (_, i) => `changed k${i}`))
    expect(words.at(-1)).toBe('confirmed 0')
    expect(one.reads).toHaveLength(5)
  })

  it('is believed when it begins right after what was told', async () => {
    const one = await followed()
    one.lane.receive(one.server.emit('a'))
    one.server.emit('b')
    one.server.trim(1)
    one.words()
    expect(await one.resync()).toEqual(['changed b', 'confirmed 0'])
  })

  it('makes everything unproven when it does not reach back', async () => {
    const one = await followed()
    one.lane.receive(one.server.emit('a'))
    one.server.emit('b')
    one.server.emit('c')
    one.server.trim(1)
    one.words()
    expect(await one.resync()).toEqual(['lost', 'confirmed 0'])
    one.lane.receive(one.server.emit('d'))
    expect(one.words()).toEqual(['changed d'])
  })

  it('makes everything unproven when it is empty', async () => {
    const one = await followed()
    one.server.emit('a')
    one.server.trim(0)
    one.words()
    expect(await one.resync()).toEqual(['lost', 'confirmed 0'])
  })

  it('makes everything unproven when it has a hole', async () => {
    const one = await followed()
    for (const key of ['a', 'b', 'c']) one.server.emit(key)
    one.server.history.splice(1, 1)
    one.words()
    expect(await one.resync()).toEqual(['changed a', 'lost', 'confirmed 0'])
  })

  it('makes everything unproven when an entry cannot be read', async () => {
    const one = await followed()
    one.lane.receive(one.server.emit('a'))
    one.server.emit('b')
    const { read } = one.server
    one.server.read = (from) => ({ ...read.call(one.server, from), messages: [undefined] })
    one.words()
    expect(await one.resync()).toEqual(['lost', 'confirmed 0'])
  })

  it('makes everything unproven when it ends before the head', async () => {
    const one = await followed()
    const a = one.server.emit('a')
    one.lane.receive(a)
    one.server.emit('b')
    const { read } = one.server
    one.server.read = (from) => ({ ...read.call(one.server, from), messages: [a] })
    one.words()
    expect(await one.resync()).toEqual(['lost', 'confirmed 0'])
  })

  it('shows that the server went back and has counted on past what was told', async () => {
    const one = await followed()
    for (const key of ['a', 'b', 'c']) one.lane.receive(one.server.emit(key))
    one.server.rollBack(2)
    for (let i = 0; i < 5; i++) one.server.emit(`other ${i}`)
    one.words()
    expect(await one.resync()).toEqual(['lost', 'diverged', 'confirmed 0'])
  })

  it('shows the same when it begins right after what was told', async () => {
    const one = await followed()
    for (const key of ['a', 'b']) one.lane.receive(one.server.emit(key))
    one.server.rollBack(1)
    one.server.emit('other b')
    one.server.emit('c')
    one.server.trim(1)
    one.words()
    expect(await one.resync()).toEqual(['lost', 'diverged', 'confirmed 0'])
  })

  it('is asked for once more when somebody asks while it is read', async () => {
    const one = await followed()
    one.words()
    one.lane.resync()
    one.lane.resync()
    one.lane.resync()
    await one.runtime.settle()
    expect(one.words()).toEqual(['confirmed 0', 'confirmed 0'])
    expect(one.reads).toHaveLength(3)
  })

  it('that cannot be read changes nothing, and the next look finds what was missed', async () => {
    const one = await followed()
    one.server.emit('a')
    one.server.fails = true
    one.words()
    expect(await one.resync()).toEqual(['Error: no connection'])
    one.server.fails = false
    one.isHeard = false
    expect(await one.confirm()).toEqual(['changed a', 'confirmed 0'])
  })
})

describe('the beginning of a lane', () => {
  it('proves nothing of what was there before', async () => {
    const one = new FollowedLane()
    one.server.emit('a')
    expect(one.lane.point).toBe(undefined)
    expect(await one.confirm()).toEqual(['lost', 'confirmed 0'])
    expect(one.lane.point).toMatchObject({ sequence: 1 })
  })

  it('drops messages before the first contact', async () => {
    const one = new FollowedLane()
    one.lane.receive(one.server.emit('a'))
    expect(one.told).toEqual([])
    await one.runtime.settle()
    expect(one.words()).toEqual(['lost', 'confirmed 0'])
  })

  it('goes on where an earlier life ended, when the log still has it', async () => {
    const runtime = fakeRuntime({ now: 0 })
    const server = new FakeLaneServer(() => runtime.clock.now())
    server.emit('a')
    const { sequence, id } = server.emit('b')
    server.emit('c')
    const one = new FollowedLane({ sequence, id }, server, runtime)
    expect(await one.resync()).toEqual(['changed c', 'confirmed 0'])
    const other = new FollowedLane({ sequence, id: 'of another history' }, server, runtime)
    expect(await other.resync()).toEqual(['lost', 'diverged', 'confirmed 0'])
    server.trim(0)
    const late = new FollowedLane({ sequence, id }, server, runtime)
    expect(await late.resync()).toEqual(['lost', 'confirmed 0'])
  })
})
