import assert from 'node:assert/strict'

import { systemRuntime } from '../../base/runtime.ts'
import type { Bus, BusChange } from '../../contract/bus.ts'
import type { Runtime, Timer, Timers } from '../../contract/runtime.ts'
import { until } from '../servers/until.ts'
import { RecordedListener } from './recorded-listener.ts'
import type { BusConformanceOptions, BusInstance, BusWorld, WantedChange } from './world.ts'

/** An instance of a test and what its bus has told it. */
export interface Heard extends BusInstance {
  readonly listener: RecordedListener
}

/** The instances of one test. Time is the real one: what the buses wait for are servers and threads. */
export class BusSession {
  readonly withinMs: number
  readonly maxStalenessMs: number
  readonly #world: BusWorld
  readonly #joined: Bus[] = []
  readonly #system = systemRuntime()
  readonly #pending = new Set<Timer>()

  constructor(world: BusWorld, { withinMs = 5000, maxStalenessMs = 5000 }: BusConformanceOptions) {
    this.#world = world
    this.withinMs = withinMs
    this.maxStalenessMs = maxStalenessMs
  }

  get now(): number {
    return this.#system.clock.now()
  }

  /** An instance whose bus has not been started. */
  async join(): Promise<BusInstance> {
    const instance = await this.#world.join(this.#runtime())
    this.#joined.push(instance.bus)
    return instance
  }

  /** An instance that listens, all lanes confirmed. */
  async listening(): Promise<Heard> {
    const instance = await this.join()
    const listener = await this.start(instance.bus)
    return { ...instance, listener }
  }

  listener(): RecordedListener {
    return new RecordedListener(() => this.now)
  }

  /** Lets servers and threads work. */
  async pause(): Promise<void> {
    const { now } = this
    await until(() => this.now > now, { what: 'the next millisecond', everyMs: 1 })
  }

  /** Starts a bus and waits until all lanes are confirmed. */
  async start(bus: Bus, resume?: string): Promise<RecordedListener> {
    const [listener, { now }] = [this.listener(), this]
    bus.start(listener, resume)
    await this.confirmed(bus, listener, now)
    return listener
  }

  /** Waits until every lane is confirmed for an instant, that of the call if none is given. */
  async confirmed(bus: Bus, listener: RecordedListener, since?: number): Promise<void> {
    const instant = since ?? this.now
    await this.until('the confirmation of all lanes', () =>
      lanesOf(bus).every((lane) => listener.isConfirmedSince(lane, instant)),
    )
  }

  async until(what: string, look: () => boolean): Promise<void> {
    await until(look, { what, timeoutMs: this.withinMs })
  }

  /** Waits until the listener was told of the change, and no other of the same lane is in between. */
  async told({ bus, listener }: Heard, expected: readonly BusChange[]): Promise<void> {
    await this.until(`telling ${expected.length} changes`, () => listener.changes.length >= expected.length)
    for (const lane of lanesOf(bus)) {
      const inLane = (change: BusChange): boolean => laneOfChange(bus, change) === lane
      const told = listener.of(lane).flatMap((each) => (each.kind === 'changed' ? [each.change] : []))
      assert.deepEqual(told, expected.filter(inLane), `the changes of lane ${lane}, once and in order`)
    }
  }

  async stopAll(): Promise<void> {
    for (const bus of this.#joined) await bus.stop()
  }

  /** Stops everything, and fails when something is left. */
  async close(): Promise<void> {
    try {
      await this.stopAll()
      await this.#leftNothing()
    } finally {
      await this.#world.close()
    }
    assert.equal(this.#pending.size, 0, 'a bus that was stopped leaves no timer')
  }

  /** A server takes its time to notice that a connection is gone. */
  async #leftNothing(): Promise<void> {
    const left = async (): Promise<readonly string[]> => (await this.#world.leftovers?.()) ?? []
    await until(async () => (await left()).length === 0, {
      what: 'the end of everything that belongs to the buses',
      timeoutMs: this.withinMs,
      explain: async () => (await left()).join('\n'),
    })
  }

  /** The real time; its timers are counted. */
  #runtime(): Runtime {
    const { clock, timers, random } = this.#system
    const counted = (start: (run: () => void) => Timer, isOnce: boolean, run: () => void): Timer => {
      const forget = (): void => void this.#pending.delete(timer)
      const started = start(() => {
        if (isOnce) forget()
        run()
      })
      const timer: Timer = {
        cancel: () => {
          forget()
          started.cancel()
        },
      }
      this.#pending.add(timer)
      return timer
    }
    const countedTimers: Timers = {
      after: (ms, run) => counted((fired) => timers.after(ms, fired), true, run),
      every: (ms, run) => counted((fired) => timers.every(ms, fired), false, run),
    }
    return { clock, timers: countedTimers, random }
  }
}

export function lanesOf(bus: Bus): readonly number[] {
  return Array.from({ length: bus.lanes }, (_, lane) => lane)
}

function laneOfChange(bus: Bus, change: BusChange): number {
  return change.kind === 'tags' ? bus.tagLane : bus.laneOf(change.key)
}

/** Changes of that many keys. */
export function wantedSets(prefix: string, count: number): WantedChange[] {
  return Array.from({ length: count }, (_, index) => ({ operation: 'set', key: `${prefix}${index}` }))
}
