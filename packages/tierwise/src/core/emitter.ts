import type { CacheEvent, CacheEventOf, CacheEventType } from '../contract/events.ts'

type Listener = (event: CacheEvent) => void

/** One fan-out for all events. Ask `listens` before building an event; a listener that throws cannot break an operation. */
export class Emitter {
  readonly #listeners = new Map<CacheEventType, Set<Listener>>()
  #onChange: () => void = () => undefined

  listens(type: CacheEventType): boolean {
    return this.#listeners.has(type)
  }

  on<T extends CacheEventType>(type: T, listener: (event: CacheEventOf<T>) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    // A wrapper of its own, so that the same function registered twice is removed once by each returned function.
    const entry: Listener = (event) => listener(event as CacheEventOf<T>)
    listeners.add(entry)
    this.#listeners.set(type, listeners)
    this.#onChange()
    return () => this.#off(type, entry)
  }

  emit(event: CacheEvent): void {
    for (const listener of this.#listeners.get(event.type) ?? []) {
      try {
        listener(event)
      } catch (error) {
        if (event.type !== 'background-error')
          this.emit({ type: 'background-error', work: `${event.type} listener`, error })
      }
    }
  }

  /** Tells when listeners come or go. */
  watch(onChange: () => void): void {
    this.#onChange = onChange
  }

  clear(): void {
    this.#listeners.clear()
    this.#onChange()
  }

  #off(type: CacheEventType, entry: Listener): void {
    const listeners = this.#listeners.get(type)
    listeners?.delete(entry)
    if (listeners?.size === 0) this.#listeners.delete(type)
    this.#onChange()
  }
}
