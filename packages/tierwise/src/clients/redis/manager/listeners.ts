import type { RedisSecurityEvent } from '../security/event-log.ts'
import type { RedisHealth } from './health-check.ts'

/** What a manager tells, by name. */
export interface RedisManagerEvents {
  /** Every check of the health loop and of `health()`. */
  readonly health: RedisHealth
  /** Every refusal that has to do with security. */
  readonly security: RedisSecurityEvent
  /** A listener of the other events threw. */
  readonly 'listener-error': { readonly event: string; readonly error: unknown }
}

export type RedisManagerEventName = keyof RedisManagerEvents

type Listener = (event: never) => void

/** A listener that throws breaks nothing and is told. */
export class Listeners {
  readonly #listeners = new Map<RedisManagerEventName, Set<Listener>>()

  on<N extends RedisManagerEventName>(name: N, listener: (event: RedisManagerEvents[N]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    // A function of its own, so that one listener may be added twice and each return value removes its own.
    const entry = (event: RedisManagerEvents[N]): void => listener(event)
    listeners.add(entry)
    this.#listeners.set(name, listeners)
    return () => void listeners.delete(entry)
  }

  tell<N extends RedisManagerEventName>(name: N, event: RedisManagerEvents[N]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        ;(listener as (event: RedisManagerEvents[N]) => void)(event)
      } catch (error) {
        if (name !== 'listener-error') this.tell('listener-error', { event: name, error })
      }
    }
  }
}
