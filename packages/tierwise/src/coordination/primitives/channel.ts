import type { TextSubscription } from '../../contract/coordination.ts'
import type { Keys } from '../keys.ts'
import type { Steps } from '../steps.ts'
import { textOf, valueOf } from '../values.ts'

/** How to listen. */
export interface ListenOptions {
  /** Called when messages may have been missed, because the connection was lost and made again. */
  readonly onGap?: () => void
}

/** Ends a subscription. */
export interface Subscription extends AsyncDisposable {
  /** Idempotent. */
  close(): Promise<void>
}

/** Messages to whoever listens at the moment; who does not is not told later. */
export interface Channel<V> {
  /** Resolves when the store has taken it, not when it was heard. @throws CodecError ERR_CACHE_ENCODE */
  publish(topic: string, message: V): Promise<void>
  /** A message that cannot be read is left out; what the listener throws is told as a `listener-failed` event. */
  subscribe(topic: string, listener: (message: V) => void, options?: ListenOptions): Promise<Subscription>
}

export class StoredChannel<V> implements Channel<V> {
  readonly #keys: Keys
  readonly #steps: Steps
  readonly #onListenerError: (error: unknown) => void

  constructor(keys: Keys, steps: Steps, onListenerError: (error: unknown) => void) {
    this.#keys = keys
    this.#steps = steps
    this.#onListenerError = onListenerError
  }

  async publish(topic: string, message: V): Promise<void> {
    const key = this.#keys.of(topic, 'publish')
    const text = textOf(message, 'publish')
    await this.#steps.take(
      'publish',
      (store) => store.publish(key, text),
      () => undefined,
    )
  }

  async subscribe(topic: string, listener: (message: V) => void, { onGap }: ListenOptions = {}): Promise<Subscription> {
    const key = this.#keys.of(topic, 'subscribe')
    const tell = (text: string): void => {
      try {
        listener(valueOf(text) as V)
      } catch (error) {
        this.#onListenerError(error)
      }
    }
    let isGivenUp = false
    const subscription = await this.#steps
      .take('subscribe', async (store, isLocal) => {
        isGivenUp ||= isLocal
        const made = await store.subscribe(key, tell, onGap)
        // It came after its deadline, when nobody waited for it any more.
        if (isGivenUp && !isLocal) await made.close()
        return made
      })
      .catch((error: unknown) => {
        isGivenUp = true
        throw error
      })
    return disposable(subscription)
  }
}

function disposable(subscription: TextSubscription): Subscription {
  const close = (): Promise<void> => subscription.close()
  return { close, [Symbol.asyncDispose]: close }
}
