import { describe, expect, it } from 'vitest'

import { memoryBus, memoryHub, type HubFaults } from '../../src/buses/index.ts'
import { RecordedListener } from '../../src/testing/bus-conformance/recorded-listener.ts'
import { checkTimers, fakeRuntime } from '../../src/testing/index.ts'

function pair(faults: Partial<HubFaults> = {}, seed = 1) {
  const runtime = fakeRuntime({ seed })
  const hub = memoryHub(runtime, faults)
  const [writer, reader] = [memoryBus(hub).create(runtime), memoryBus(hub).create(runtime)]
  const listener = new RecordedListener(() => runtime.clock.now())
  writer.start(new RecordedListener(() => runtime.clock.now()))
  reader.start(listener)
  let version = 0
  const change = (): number => {
    writer.announce?.([{ kind: 'key', operation: 'set', key: 'k', version: ++version }])
    return version
  }
  const versions = (): number[] => listener.changes.map((each) => (each.kind === 'key' ? each.version : 0))
  return { runtime, hub, writer, reader, listener, change, versions }
}

describe('a memory bus', () => {
  it('notices a loss with the next delivery, at the latest with its ping', async () => {
    const { runtime, hub, listener, change, versions, writer, reader } = pair()
    await runtime.advance(100)
    hub.faults.loss = 1
    change()
    hub.faults.loss = 0
    expect(listener.told.filter(({ kind }) => kind === 'lost').length).toBe(1)
    await runtime.advance(1000)
    expect(listener.told.filter(({ kind }) => kind === 'lost').length).toBe(2)
    expect(versions()).toEqual([])
    const lostAt = listener.told.findLastIndex(({ kind }) => kind === 'lost')
    expect(listener.told.slice(lostAt + 1).some(({ kind }) => kind === 'confirmed')).toBe(true)
    await writer.stop()
    await reader.stop()
    expect(hub.size).toBe(0)
    checkTimers(runtime)
  })

  it('delivers late with a delay, and once in spite of duplication', async () => {
    const { runtime, change, versions } = pair({ delayMs: 40, duplication: 1 })
    await runtime.advance(100)
    change()
    await runtime.advance(39)
    expect(versions()).toEqual([])
    await runtime.advance(1)
    expect(versions()).toEqual([1])
    change()
    await runtime.advance(50)
    expect(versions()).toEqual([1, 2])
  })

  it('does not hear after a new start what was sent before it', async () => {
    const { runtime, reader, listener, change, versions } = pair({ delayMs: 40 })
    await runtime.advance(100)
    change()
    await runtime.until(reader.stop())
    reader.start(listener)
    await runtime.advance(100)
    expect(versions()).toEqual([])
  })

  it('says that something is lost when messages change places', async () => {
    const { runtime, hub, listener, change, versions } = pair()
    await runtime.advance(100)
    hub.faults.reordering = 1
    change()
    hub.faults.reordering = 0
    change()
    await runtime.advance(1)
    expect(versions()).toEqual([2])
    expect(listener.told.filter(({ kind }) => kind === 'lost').length).toBe(2)
  })

  it('confirms nothing that was not told or lost, whatever goes wrong', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const { runtime, listener, change } = pair({ loss: 0.1, duplication: 0.2, reordering: 0.2, delayMs: 3 }, seed)
      const madeAt: number[] = []
      for (let round = 0; round < 200; round++) {
        madeAt[change()] = runtime.clock.now()
        await runtime.advance(20)
      }
      await runtime.advance(10_000)
      let open = new Set(madeAt.keys())
      open.delete(0)
      let confirmations = 0
      for (const each of listener.told) {
        if (each.kind === 'changed' && each.change.kind === 'key') open.delete(each.change.version)
        if (each.kind === 'lost') open = new Set([...open].filter((version) => (madeAt[version] ?? 0) >= each.at))
        if (each.kind !== 'confirmed') continue
        confirmations++
        const unproved = [...open].filter((version) => (madeAt[version] ?? 0) < each.instant)
        expect(unproved, `seed ${seed}, confirmed for ${each.instant}`).toEqual([])
      }
      expect(confirmations, `seed ${seed}`).toBeGreaterThan(2)
    }
  })

  it('takes no other object for a hub', () => {
    expect(() => memoryBus({} as never)).toThrow(TypeError)
  })
})
