import { BroadcastChannel } from 'node:worker_threads'

import { optionError, readOptions, positiveInteger, text } from '../base/option-reader.ts'
import { EchoBus, type EchoChannel, type EchoEvents } from '../base/echo-bus/index.ts'
import type { BusDefinition } from '../contract/bus.ts'
import { defaultMaxStalenessMs, type InProcessBusOptions } from './definition.ts'
import { instanceName } from './instance-name.ts'

export interface ThreadBusOptions extends InProcessBusOptions {
  /** Instances of one name hear each other. */
  readonly name: string
}

/**
 * Carries changes between the managers of one process, in its main thread and in worker threads, that share no tier. It
 * reaches no other process.
 *
 * A confirmation is proved by how Node.js implements `BroadcastChannel`: `postMessage` puts the message into the queue of
 * each receiver before it returns, and a queue is read in order. So a message of our own, posted through a second object
 * because a channel does not hear itself, is read behind everything that any thread had posted before. The HTML standard
 * promises that only for one sender; runtimes that go no further than it are not supported. A thread that is busy holds up
 * nobody but those who wait for a barrier.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option
 * @example
 * threadBus({ name: 'orders' })
 */
export function threadBus(options: ThreadBusOptions): BusDefinition {
  const { name, maxStalenessMs = defaultMaxStalenessMs } = readOptions<Required<ThreadBusOptions>>(
    options,
    'threadBus',
    { name: text, maxStalenessMs: positiveInteger },
  )
  if (name === undefined) throw optionError('threadBus.name', name, 'a text')
  return {
    create: (runtime) =>
      new EchoBus({
        channel: new ThreadChannel(`tierwise:${name}`),
        runtime,
        source: instanceName(),
        announces: true,
        maxStalenessMs,
      }),
  }
}

class ThreadChannel implements EchoChannel {
  readonly #name: string
  #events: EchoEvents | undefined
  #channel: BroadcastChannel | undefined

  constructor(name: string) {
    this.#name = name
  }

  open(events: EchoEvents): void {
    const channel = new BroadcastChannel(this.#name)
    channel.onmessage = (event) => {
      const { data } = event as { readonly data: unknown }
      if (typeof data === 'string' && channel === this.#channel) events.onText(data)
    }
    channel.onmessageerror = () => channel === this.#channel && events.onOpen()
    // A cache is no reason for a thread to go on.
    channel.unref()
    this.#events = events
    this.#channel = channel
    events.onOpen()
  }

  async tell(message: string): Promise<void> {
    this.#channel?.postMessage(message)
  }

  async echo(message: string): Promise<void> {
    const other = new BroadcastChannel(this.#name)
    other.postMessage(message)
    other.close()
  }

  reopen(): void {
    const events = this.#events
    this.#close()
    if (events !== undefined) this.open(events)
  }

  async close(): Promise<void> {
    this.#close()
  }

  #close(): void {
    this.#channel?.close()
    this.#channel = undefined
    this.#events = undefined
  }
}
