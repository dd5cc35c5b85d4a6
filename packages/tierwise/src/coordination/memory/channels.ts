import type { TextSubscription } from '../../contract/coordination.ts'

type Listener = (text: string) => void

/** Who listens to which channel. */
export class Channels {
  readonly #listeners = new Map<string, Set<Listener>>()

  /** After the step that tells, so that no listener runs in the middle of one. */
  tell(channel: string, text: string): void {
    const listeners = this.#listeners.get(channel)
    for (const listener of listeners ?? []) queueMicrotask(() => listeners?.has(listener) && listener(text))
  }

  listen(channel: string, onMessage: Listener): TextSubscription {
    // One of its own for each subscription, so that a function that listens twice is told twice.
    const listener: Listener = (text) => onMessage(text)
    const listeners = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, listeners.add(listener))
    return {
      close: async () => {
        listeners.delete(listener)
        // Whoever came after the last one left has a set of their own.
        if (listeners.size === 0 && this.#listeners.get(channel) === listeners) this.#listeners.delete(channel)
      },
    }
  }

  close(): void {
    for (const listeners of this.#listeners.values()) listeners.clear()
    this.#listeners.clear()
  }
}
