import { systemRuntime } from '../../../../src/base/runtime.ts'
import type { RedisPort } from '../../../../src/clients/redis/port.ts'
import { Subscriber, type SubscriberOptions } from '../../../../src/clients/redis/subscriber/subscriber.ts'
import { slotOf } from '../../../../src/tiers/redis/key-slot.ts'

/** A started subscriber and all that it has told. */
export interface Heard {
  readonly subscriber: Subscriber
  readonly messages: [channel: string, text: string][]
  readonly touched: (readonly string[] | undefined)[]
  readonly listening: string[]
  readonly failures: unknown[]
}

export function hear(
  port: RedisPort,
  channels: readonly string[],
  options: Partial<Omit<SubscriberOptions, 'port' | 'channels' | 'watcher'>> = {},
): Heard {
  const messages: [string, string][] = []
  const touched: (readonly string[] | undefined)[] = []
  const listening: string[] = []
  const failures: unknown[] = []
  const subscriber = new Subscriber({
    kind: 'classic',
    tracking: [],
    runtime: systemRuntime(),
    ...options,
    port,
    channels: channels.map((name) => ({ name, slot: slotOf(name) })),
    watcher: {
      message: (channel, message) => void messages.push([channel, message.toString('latin1')]),
      touched: (names) => void touched.push(names),
      listening: (heard) => void listening.push(...heard),
      failed: (reason) => void failures.push(reason),
    },
  })
  subscriber.start()
  return { subscriber, messages, touched, listening, failures }
}
