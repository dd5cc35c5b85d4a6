import type { MetricMessage, MetricSubscription, SubscribeOptions } from './subscription.ts'

/** What `eventStream` takes. */
export interface EventStreamOptions extends SubscribeOptions {
  /** Events that may wait for a client that reads slowly; further ones are left out. A positive whole number. @default 1000 */
  readonly maxWaiting?: number
}

/**
 * Messages as server-sent events: `event: point` with JSON in `data` and the time in `id`, which a browser sends back as
 * `Last-Event-ID` when it comes again; a heartbeat is a comment.
 */
export function eventStream(
  subscribe: (listener: (message: MetricMessage) => void, onEnd: () => void) => Promise<MetricSubscription>,
  { maxWaiting = 1000 }: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let subscription: MetricSubscription | undefined
  let hasEnded = false
  let leftOut = 0
  return new ReadableStream<Uint8Array>(
    {
      start: async (controller) => {
        const tell = (message: MetricMessage): void => {
          if (hasEnded) return
          // Who reads slowly is told less, instead of later and later.
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(eventOf(message, leftOut)))
          else if (message.type === 'point') leftOut++
        }
        subscription = await subscribe(tell, () => {
          if (!hasEnded) controller.close()
          hasEnded = true
        })
        if (hasEnded) await subscription.close()
      },
      cancel: async () => {
        hasEnded = true
        await subscription?.close()
      },
    },
    { highWaterMark: maxWaiting },
  )
}

function eventOf(message: MetricMessage, leftOut: number): string {
  if (message.type === 'heartbeat') return `: heartbeat, ${message.dropped + leftOut} left out\n\n`
  const { type, ...point } = message
  return `event: ${type}\nid: ${point.at}\ndata: ${JSON.stringify(point)}\n\n`
}
