import { describe, expect, it } from 'vitest'

import { systemRuntime } from '../../src/base/runtime.ts'
import { memoryBus, memoryHub } from '../../src/buses/index.ts'
import type { Bus, BusListener } from '../../src/contract/bus.ts'
import { busConformance } from '../../src/testing/bus-conformance.ts'
import { announcingInstance } from '../buses/announcing-instance.ts'
import { CollectingRunner } from './collecting-runner.ts'

/** What a defective bus does instead of the correct one that it is given. */
type Defect = (bus: Bus) => Partial<Bus>

const maxStalenessMs = 1500

/** A bus whose listener hears what `distort` makes of it. */
const distorted =
  (distort: (listener: BusListener) => Partial<BusListener>): Defect =>
  (bus) => ({
    start: (listener, resume) => bus.start(extended(listener, distort(listener)), resume),
  })

const defects: readonly (readonly [string, string, Defect])[] = [
  [
    'tells a change twice',
    'telling: tells all',
    distorted((to) => ({ changed: (...told) => (to.changed(...told), to.changed(...told)) })),
  ],
  ['tells nothing', 'telling: tells all', distorted(() => ({ changed: () => undefined }))],
  [
    'tells changes in another order',
    'telling: tells many',
    distorted((to) => ({ changed: (lane, changes) => to.changed(lane, changes.toReversed()) })),
  ],
  ['tells tags in another lane', 'telling: tells tags', () => ({ tagLane: 1, lanes: 2 })],
  ['has no lane', 'telling: numbers', () => ({ lanes: 0 })],
  ['does not lose its lane at the start', 'starting: loses', distorted(() => ({ lost: () => undefined }))],
  [
    'confirms the future',
    'proof: confirms a lane',
    distorted((to) => ({ confirmed: (lane, instant) => to.confirmed(lane, instant + 1000) })),
  ],
  ['never confirms', 'proof: confirms a lane', distorted(() => ({ confirmed: () => undefined }))],
  ['tells its own changes', 'telling: does not tell an instance', tellingItself],
  ['confirms what it has not told', 'proof: confirms only', distorted(late)],
  ['tells after its stop', 'stopping: tells nothing', () => ({ stop: async () => undefined })],
  ['leaves what it has', 'stopping: can be stopped twice', () => ({ stop: async () => undefined })],
  [
    'passes barriers that nobody has acknowledged',
    'barriers: resolves',
    () => ({ barrier: async () => ({ acknowledged: [], lapsed: [] }) }),
  ],
  [
    'waits for barriers for ever',
    'barriers: rejects',
    () => ({ barrier: async () => ({ acknowledged: ['x', 'y'], lapsed: [] }) }),
  ],
]

describe('busConformance', () => {
  it('finds nothing wrong with a decorated bus that is correct', async () => {
    expect(await collect(() => ({})).failures('telling')).toEqual([])
  })

  it('has tests with names of their own', () => {
    const { names } = collect(() => ({}))
    expect(new Set(names).size).toBe(names.length)
  })

  for (const [defect, chapter, mutate] of defects) {
    it(`catches a bus that ${defect}`, async () => {
      const runner = collect(mutate)
      expect(runner.names.some((name) => name.startsWith(chapter))).toBe(true)
      expect(await runner.failures(chapter)).not.toEqual([])
    })
  }
})

function collect(defect: Defect): CollectingRunner {
  const runner = new CollectingRunner()
  busConformance({
    name: 'broken',
    open: async () => {
      const hub = memoryHub(systemRuntime())
      const correct: Bus[] = []
      return {
        join: async (runtime) => {
          const instance = announcingInstance(memoryBus(hub, { maxStalenessMs }), runtime)
          const { bus } = instance
          correct.push(bus)
          return { ...instance, bus: extended(bus, defect(bus)) }
        },
        close: async () => {
          for (const bus of correct) await bus.stop()
        },
        leftovers: async () => (hub.size === 0 ? [] : ['a listener']),
      }
    },
    runner,
    withinMs: 1500,
    maxStalenessMs,
  })
  return runner
}

/** The object with some of its members replaced; the others stay bound to it. */
function extended<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get: (from, name) => {
      const value: unknown = Object.hasOwn(members, name) ? Reflect.get(members, name) : Reflect.get(from, name)
      return typeof value === 'function' ? (...given: unknown[]): unknown => Reflect.apply(value, from, given) : value
    },
  })
}

/** Everything is told a while after it was heard; confirmations come at once. */
function late(listener: BusListener): Partial<BusListener> {
  return { changed: (...told) => void setTimeout(() => listener.changed(...told), 30) }
}

function tellingItself(bus: Bus): Partial<Bus> {
  let own: BusListener | undefined
  return {
    start: (listener, resume) => {
      own = listener
      bus.start(
        extended(listener, {
          confirmed: (...told) => (
            own?.changed(0, [{ kind: 'tags', names: [], clock: 1 }]),
            listener.confirmed(...told)
          ),
        }),
        resume,
      )
    },
  }
}
