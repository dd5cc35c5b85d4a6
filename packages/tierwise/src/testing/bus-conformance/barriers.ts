import assert from 'node:assert/strict'

import type { BusChange, BusPosition } from '../../contract/bus.ts'
import type { BusSession, Heard } from './bus-session.ts'
import type { BusSuite } from './suite.ts'

export function barrierTests({ test }: BusSuite): void {
  test('resolves a barrier once every other instance was told', async (session) => {
    const writer = await session.listening()
    const others = [await session.listening(), await session.listening()]
    const made: BusChange[] = []
    for (let round = 0; round < 5; round++) {
      made.push(...(await writer.change([{ operation: 'set', key: `tw:1:a:${round}` }])))
      const { acknowledged } = await wait(session, writer)
      assert.ok(acknowledged.length >= others.length, `${others.length} instances acknowledge`)
      for (const other of others) assert.deepEqual(other.listener.changes, made, 'told before the barrier is passed')
    }
  })

  test('does not wait for an instance that has stopped', async (session) => {
    const [writer, other] = [await session.listening(), await session.listening()]
    await wait(session, writer)
    await other.bus.stop()
    await writer.change([{ operation: 'set', key: 'tw:1:a:steel' }])
    await wait(session, writer)
  })

  test('rejects a barrier that is not passed in time', async (session) => {
    const writer = await session.listening()
    await assert.rejects(writer.bus.barrier(unreachable(writer), 0))
  })
}

async function wait(session: BusSession, writer: Heard): ReturnType<Heard['bus']['barrier']> {
  return writer.bus.barrier(writer.positions?.() ?? [], session.maxStalenessMs + session.withinMs)
}

function unreachable({ bus }: Heard): readonly BusPosition[] {
  return [{ lane: bus.tagLane, sequence: Number.MAX_SAFE_INTEGER }]
}
