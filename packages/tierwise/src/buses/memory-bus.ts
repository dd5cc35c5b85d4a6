import { EchoBus, type EchoChannel, type EchoEvents } from '../base/echo-bus/index.ts'
import type { BusDefinition } from '../contract/bus.ts'
import { defaultMaxStalenessMs, type InProcessBusOptions } from './definition.ts'
import { instanceName } from './instance-name.ts'
import { CountingHub, type HubLink, type MemoryHub } from './memory-hub.ts'

/**
 * Carries changes between the managers of one thread that share a hub: for tests, where the hub can lose, repeat, delay
 * and reorder what it carries. What is lost is noticed with the next delivery, at the latest with the next ping.
 *
 * @example
 * const hub = memoryHub(runtime)
 * const [one, other] = [memoryBus(hub), memoryBus(hub)]
 */
export function memoryBus(hub: MemoryHub, options: InProcessBusOptions = {}): BusDefinition {
  if (!(hub instanceof CountingHub)) throw new TypeError('A hub is made by memoryHub()')
  const { maxStalenessMs = defaultMaxStalenessMs } = options
  return {
    create: (runtime) =>
      new EchoBus({ channel: new HubChannel(hub), runtime, source: instanceName(), announces: true, maxStalenessMs }),
  }
}

class HubChannel implements EchoChannel {
  readonly #hub: CountingHub
  #events: EchoEvents | undefined
  #link: HubLink | undefined

  constructor(hub: CountingHub) {
    this.#hub = hub
  }

  open(events: EchoEvents): void {
    this.#events = events
    this.#link = this.#hub.link(events)
    events.onOpen()
  }

  async tell(text: string): Promise<void> {
    this.#hub.send(text)
  }

  async echo(text: string): Promise<void> {
    this.#hub.send(text)
  }

  reopen(): void {
    const events = this.#events
    this.#unlink()
    if (events !== undefined) this.open(events)
  }

  async close(): Promise<void> {
    this.#unlink()
  }

  #unlink(): void {
    if (this.#link !== undefined) this.#hub.unlink(this.#link)
    this.#events = undefined
    this.#link = undefined
  }
}
