import { SlotMoved } from './slot-moved.ts'
import type { IoredisClient } from '../client-shapes.ts'
import { invalidationChannel, tellMessage, trackingCommand } from './listener.ts'
import type { ChannelKind, Listener, ListenerWatcher } from './listener.ts'
import { firstOutcome, type RedisLinkOfOne } from './first-outcome.ts'

/**
 * What is different from the client that is duplicated. Version 6 speaks RESP3 by default and then drops the pushes that
 * tell of changed keys, so both versions are made to speak RESP2.
 */
const listening: object = {
  protocol: 2,
  replyMapping: undefined,
  lazyConnect: true,
  retryStrategy: null,
  sentinelRetryStrategy: null,
  reconnectOnError: null,
  failoverDetector: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  socketTimeout: undefined,
  commandTimeout: undefined,
  readOnly: false,
  monitor: false,
  himportFieldsets: undefined,
}

/** A duplicate of a client, of ioredis or iovalkey, that gives up after its first failure. It has not begun to connect. */
export function listeningIoredis(client: IoredisClient): IoredisClient {
  return client.duplicate(listening)
}

/** How the package complains of the end of a subscription that it did not ask for: the slot has moved. */
function isUnaskedAnswer(reason: unknown): boolean {
  return reason instanceof Error && /^Command queue state error.*sunsubscribe/s.test(reason.message)
}

/** Listens through a client that `listeningIoredis` made. */
export class IoredisListener implements Listener {
  readonly #client: IoredisClient
  readonly #link: RedisLinkOfOne
  #unwatch: (() => void) | undefined

  constructor(client: IoredisClient, link: RedisLinkOfOne) {
    this.#client = client
    this.#link = link
  }

  open(watcher: ListenerWatcher): Promise<void> {
    const client = this.#client
    const message = (channel: unknown, body: unknown): void => tellMessage(watcher, String(channel), body)
    // A slot that moves away ends the subscription, which this package takes for an answer that it did not expect.
    const moved = (): void => watcher.ended(new SlotMoved())
    const listeners = { messageBuffer: message, smessageBuffer: message, moved }
    for (const [event, listener] of Object.entries(listeners)) client.on(event, listener)
    return firstOutcome(this.#link, (unwatch) => {
      this.#unwatch = () => {
        unwatch()
        for (const [event, listener] of Object.entries(listeners)) client.removeListener(event, listener)
      }
      return (reason) => watcher.ended(isUnaskedAnswer(reason) ? new SlotMoved() : reason)
    })
  }

  async track(prefixes: readonly string[]): Promise<void> {
    const id = await this.#link.send(['CLIENT', 'ID'])
    await this.#link.send(trackingCommand(id, prefixes))
    await this.#link.send(['subscribe', invalidationChannel])
  }

  async subscribe(channels: readonly string[], kind: ChannelKind): Promise<void> {
    if (channels.length === 0) return
    // The package knows these commands by their names in small letters.
    if (kind === 'classic') await this.#link.send(['subscribe', ...channels])
    else await Promise.all(channels.map((channel) => this.#link.send(['ssubscribe', channel])))
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#link.send(['unsubscribe', ...channels])
  }

  async ping(): Promise<void> {
    // With an argument: a subscription that ends meanwhile is then noticed, because the package has one answer too many.
    await this.#link.send(['ping', 'still'])
  }

  async close(): Promise<void> {
    this.#unwatch?.()
    this.#unwatch = undefined
    this.#client.on('error', () => {})
    await this.#link.destroy()
  }
}
