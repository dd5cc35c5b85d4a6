import type { BarrierResult, Bus, BusListener, BusPosition } from '../../../contract/bus.ts'
import { busLanes, laneNames } from '../lane.ts'
import { passBarrier } from './barrier.ts'
import { loadMembers } from './members.ts'
import { progressMessage } from './message.ts'
import { resolveBusOptions, type RedisBusOptions, type ResolvedBusOptions } from './options.ts'
import { BusSession } from './session.ts'

/**
 * The bus of the tier on Redis. The scripts that change records count, log and announce each change (`emitLua`); here
 * the announcements are heard, what was missed is read from the log, and a loop proves once in a while, against the heads
 * of the lanes on the primaries, that nothing is missing. Published messages only make it fast: correctness rests on the
 * heads and the log.
 */
export class RedisBus implements Bus {
  readonly lanes: number
  readonly tagLane: number
  readonly #options: ResolvedBusOptions
  #session: BusSession | undefined
  #position = '{}'

  constructor(options: RedisBusOptions) {
    const { lanes, tagLane } = busLanes(options.layout)
    this.lanes = lanes
    this.tagLane = tagLane
    this.#options = resolveBusOptions(options)
  }

  laneOf(key: string): number {
    return this.#options.layout.laneOf(key)
  }

  start(listener: BusListener, resume?: string): void {
    if (this.#session !== undefined) return
    this.#session = new BusSession(this.#options, listener, resume)
    this.#session.start()
  }

  async stop(): Promise<void> {
    const session = this.#session
    this.#position = this.position()
    this.#session = undefined
    await session?.stop()
  }

  position(): string {
    return this.#session?.position() ?? this.#position
  }

  barrier(positions: readonly BusPosition[], timeoutMs: number): Promise<BarrierResult> {
    const { port, prefix, layout, runtime, instance, lapseMs, publish } = this.#options
    const { channel } = laneNames(prefix, layout, this.tagLane)
    return passBarrier(
      {
        runtime,
        self: instance,
        lapseMs,
        load: () => loadMembers(port, prefix),
        nudge: () => port.send({ args: [publish, channel, progressMessage], key: channel }),
      },
      positions,
      timeoutMs,
    )
  }
}
