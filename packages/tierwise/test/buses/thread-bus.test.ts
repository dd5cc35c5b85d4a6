import { Worker } from 'node:worker_threads'

import { describe, expect, it, vi } from 'vitest'

import { systemRuntime } from '../../src/base/runtime.ts'
import { threadBus } from '../../src/buses/index.ts'
import { RecordedListener } from '../../src/testing/bus-conformance/recorded-listener.ts'
import { until } from '../../src/testing/servers/until.ts'

const original = BroadcastChannel.prototype.close

/** Posts numbered changes as another instance does, and counts in shared memory what it has posted. */
const writer = `
const { workerData } = require('node:worker_threads')
const { name, id, shared, rounds } = workerData
const posted = new Int32Array(shared)
const channel = new BroadcastChannel(name)
for (let n = 1; n <= rounds; n++) {
  channel.postMessage(JSON.stringify([1, 'worker ' + id, 'C', [['S', 'k' + id, n]]]))
  Atomics.store(posted, id, n)
  if (n % 50 === 0) Atomics.wait(posted, 7, 0, 1)
}
channel.close()
`

describe('threadBus', () => {
  it('hears its echo behind everything that other threads had posted before, while they post', async () => {
    const name = 'order of threads'
    const shared = new SharedArrayBuffer(32)
    const posted = new Int32Array(shared)
    const rounds = 20_000
    const runtime = systemRuntime()
    /** What the workers had posted before each ping was sent. */
    const before = new Map<number, readonly number[]>()
    const clock = {
      burstNow: () => runtime.clock.burstNow(),
      now: () => {
        const instant = runtime.clock.now()
        before.set(instant, [Atomics.load(posted, 0), Atomics.load(posted, 1)])
        return instant
      },
    }
    // Pings follow each other at once: the property is one of the channel, not of the rhythm.
    const timers = {
      ...runtime.timers,
      after: runtime.timers.after.bind(runtime.timers),
      every: (_: number, run: () => void) => runtime.timers.every(1, run),
    }
    const bus = threadBus({ name }).create({ clock, timers, random: runtime.random })
    const heard = [0, 0]
    let checks = 0
    const early: string[] = []
    bus.start({
      changed: (_, changes) => {
        for (const change of changes) if (change.kind === 'key') heard[Number(change.key.slice(1))] = change.version
      },
      lost: () => undefined,
      confirmed: (_, instant) => {
        checks++
        for (const [id, count] of (before.get(instant) ?? []).entries()) {
          if ((heard[id] ?? 0) < count) early.push(`worker ${id} had posted ${count}, heard ${heard[id]}`)
        }
      },
      arrived: () => undefined,
      touched: () => undefined,
    })
    const workers = [0, 1].map(
      (id) => new Worker(writer, { eval: true, workerData: { name: `tierwise:${name}`, id, shared, rounds } }),
    )
    await until(() => heard.every((count) => count === rounds), { what: 'hearing all changes' })
    await bus.stop()
    for (const worker of workers) await worker.terminate()
    expect(early).toEqual([])
    expect(checks).toBeGreaterThan(50)
  })

  it('does not wait for a thread that is busy', async () => {
    const name = 'busy threads'
    const blocking = new Worker(
      `const channel = new BroadcastChannel(${JSON.stringify(`tierwise:${name}`)})
       channel.postMessage('[1,"busy","P",1]')
       for (const end = Date.now() + 1500; Date.now() < end;);
       channel.close()`,
      { eval: true },
    )
    const runtime = systemRuntime()
    const listener = new RecordedListener(() => runtime.clock.now())
    const bus = threadBus({ name }).create(runtime)
    bus.start(listener)
    await until(() => listener.told.filter(({ kind }) => kind === 'confirmed').length >= 2, {
      what: 'two confirmations',
      timeoutMs: 1400,
    })
    await bus.stop()
    await blocking.terminate()
  })

  it('hears only instances of its name, and ignores what is none of theirs', async () => {
    const runtime = systemRuntime()
    const listeners = ['a', 'a', 'b'].map((name) => {
      const listener = new RecordedListener(() => runtime.clock.now())
      const bus = threadBus({ name }).create(runtime)
      bus.start(listener)
      return { bus, listener }
    })
    const stranger = new BroadcastChannel('tierwise:a')
    for (const text of [null, { a: 1 }, 'x', '[1]']) stranger.postMessage(text)
    listeners[0]?.bus.announce?.([{ kind: 'key', operation: 'set', key: 'k', version: 1 }])
    await until(() => listeners[1]?.listener.changes.length === 1, { what: 'hearing the change' })
    expect(listeners.map(({ listener }) => listener.changes.length)).toEqual([0, 1, 0])
    stranger.close()
    for (const { bus } of listeners) await bus.stop()
  })

  it('keeps no thread alive, and closes its channel when it is stopped', async () => {
    const isListening = (channel: object): boolean =>
      typeof (channel as { onmessage?: unknown }).onmessage === 'function'
    const closed: boolean[] = []
    const close = vi.spyOn(BroadcastChannel.prototype, 'close').mockImplementation(function (this: object) {
      closed.push(isListening(this))
      Reflect.apply(original, this, [])
    })
    const before = process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length
    const runtime = systemRuntime()
    const bus = threadBus({ name: 'alive' }).create(runtime)
    bus.start(new RecordedListener(() => runtime.clock.now()))
    expect(process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length).toBe(before)
    expect(closed).not.toContain(true)
    await bus.stop()
    expect(closed).toContain(true)
    close.mockRestore()
  })

  it('refuses wrong options', () => {
    expect(() => threadBus({} as never)).toThrow('threadBus.name')
    expect(() => threadBus({ name: 'a', maxStalenessMs: 0 })).toThrow('threadBus.maxStalenessMs')
    expect(() => threadBus({ name: 'a', nam: 1 } as never)).toThrow('threadBus.nam')
  })
})
