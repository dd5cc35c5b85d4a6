import assert from 'node:assert/strict'

import { lanesOf } from './bus-session.ts'
import type { BusSuite } from './suite.ts'

const unreadable: readonly string[] = ['', 'nonsense', '{"0":["x"]}', '{}', '[]', 'null']

export function startingTests({ test }: BusSuite): void {
  test('loses each lane before it tells anything else of it', async (session) => {
    const { bus, listener } = await session.listening()
    for (const lane of lanesOf(bus)) assert.equal(listener.of(lane)[0]?.kind, 'lost')
  })

  test('tells everything once when it is started twice', async (session) => {
    const [writer, listener] = [await session.listening(), await session.listening()]
    const second = session.listener()
    listener.bus.start(listener.listener)
    listener.bus.start(second)
    await session.told(listener, await writer.change([{ operation: 'set', key: 'tw:1:a:steel' }]))
    await session.confirmed(listener.bus, listener.listener)
    assert.deepEqual(second.told, [])
  })

  test('takes a position that it cannot read for none', async (session) => {
    const writer = await session.listening()
    for (const resume of unreadable) {
      const { bus } = await session.join()
      const listener = await session.start(bus, resume)
      for (const lane of lanesOf(bus)) assert.equal(listener.of(lane)[0]?.kind, 'lost')
      await session.told(
        { bus, listener, change: writer.change },
        await writer.change([{ operation: 'set', key: 'tw:1:a:k' }]),
      )
      await bus.stop()
    }
  })

  test('tells what changed since an earlier position, or loses the lane', async (session) => {
    const [writer, before] = [await session.listening(), await session.listening()]
    await session.told(before, await writer.change([{ operation: 'set', key: 'tw:1:a:before' }]))
    const position = before.bus.position()
    await before.bus.stop()
    const missed = await writer.change([{ operation: 'set', key: 'tw:1:a:between' }])
    const { bus } = await session.join()
    const listener = await session.start(bus, position)
    const [first] = listener.of(bus.laneOf('tw:1:a:between'))
    if (first?.kind === 'lost') return
    assert.deepEqual(listener.changes, missed, 'what is resumed begins where the position was')
  })

  test('can be started again after it was stopped', async (session) => {
    const [writer, listener] = [await session.listening(), await session.listening()]
    await listener.bus.stop()
    const again = await session.start(listener.bus)
    for (const lane of lanesOf(listener.bus)) assert.equal(again.of(lane)[0]?.kind, 'lost')
    await session.told(
      { ...listener, listener: again },
      await writer.change([{ operation: 'set', key: 'tw:1:a:steel' }]),
    )
  })
}
