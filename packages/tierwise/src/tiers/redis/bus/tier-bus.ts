import type { BarrierResult, Bus, BusChange, BusListener, BusPosition } from '../../../contract/bus.ts'
import type { RedisBus } from './redis-bus.ts'

/** The bus of a tier that may not be open yet: how many lanes there are is known only once it is connected. */
export class TierBus implements Bus {
  readonly #heard: (changes: readonly BusChange[]) => void
  #bus: RedisBus | undefined
  #listening: { readonly listener: BusListener; readonly resume: string | undefined } | undefined

  /** `heard` is told of what others have changed, before the listener is. */
  constructor(heard: (changes: readonly BusChange[]) => void) {
    this.#heard = heard
  }

  get lanes(): number {
    return this.#bus?.lanes ?? 1
  }

  get tagLane(): number {
    return this.#bus?.tagLane ?? 0
  }

  laneOf(key: string): number {
    return this.#bus?.laneOf(key) ?? 0
  }

  /** The tier is open. */
  attach(bus: RedisBus): void {
    this.#bus = bus
    if (this.#listening !== undefined) bus.start(this.#listening.listener, this.#listening.resume)
  }

  /** The tier closes. */
  async detach(): Promise<void> {
    await this.#bus?.stop()
  }

  start(listener: BusListener, resume?: string): void {
    this.#listening ??= { listener: this.#hearing(listener), resume }
    this.#bus?.start(this.#listening.listener, resume)
  }

  async stop(): Promise<void> {
    this.#listening = undefined
    await this.#bus?.stop()
  }

  position(): string {
    return this.#bus?.position() ?? this.#listening?.resume ?? '{}'
  }

  barrier(positions: readonly BusPosition[], timeoutMs: number): Promise<BarrierResult> {
    return this.#bus?.barrier(positions, timeoutMs) ?? Promise.reject(new Error('the tier is not open'))
  }

  #hearing(listener: BusListener): BusListener {
    return {
      changed: (lane, changes) => {
        // protocol P2 heard-noted: a server that fails over, or a replica that lags, may not know of it
        this.#heard(changes)
        listener.changed(lane, changes)
      },
      lost: (lane) => listener.lost(lane),
      confirmed: (lane, instant) => listener.confirmed(lane, instant),
      arrived: (key) => listener.arrived(key),
      touched: (keys) => listener.touched(keys),
    }
  }
}
