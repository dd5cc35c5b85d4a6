import assert from 'node:assert/strict'

import type { BusSuite } from './suite.ts'

export function stoppingTests({ test }: BusSuite): void {
  test('tells nothing from the call of stop on', async (session) => {
    const [writer, listener, other] = [await session.listening(), await session.listening(), await session.listening()]
    const stopping = listener.bus.stop()
    const { length } = listener.listener.told
    const made = await writer.change([{ operation: 'set', key: 'tw:1:a:steel' }])
    await stopping
    const tagged = await writer.change([{ operation: 'tags', names: ['a:steel'] }])
    await session.until('telling those who listen', () => other.listener.changes.length >= made.length + tagged.length)
    await session.confirmed(other.bus, other.listener)
    assert.equal(listener.listener.told.length, length)
  })

  test('can be stopped twice, at once, and without a start', async (session) => {
    const { bus } = await session.listening()
    await Promise.all([bus.stop(), bus.stop()])
    await bus.stop()
    await (await session.join()).bus.stop()
  })

  test('can be stopped before it has begun to listen', async (session) => {
    const { bus } = await session.join()
    const listener = session.listener()
    bus.start(listener)
    const stopping = bus.stop()
    const { length } = listener.told
    await stopping
    const other = await session.listening()
    await session.confirmed(other.bus, other.listener)
    assert.equal(listener.told.length, length)
  })
}
