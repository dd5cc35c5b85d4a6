/** Calls of one key that are under way, and the loads of it that ended meanwhile. */
interface Waiting {
  callers: number
  loaded: number
}

/** One call of `getOrSet`, from before it to after it. */
export interface WatchedCall {
  /** To be called by the loader, once it has a value. */
  loaded(): void
  /** Whether a load ended while this call waited, its own or one that it shared. */
  readonly wasLoaded: boolean
  end(): void
}

/**
 * Tells answers of a cache from those of a load. A caller may be answered by the loader of another one, which knows
 * nothing of it, so the loads of a key are counted while somebody waits for it.
 */
export class LoadWatch {
  readonly #waiting = new Map<string, Waiting>()

  watch(key: string): WatchedCall {
    const waiting = this.#waiting.get(key) ?? { callers: 0, loaded: 0 }
    const before = waiting.loaded
    waiting.callers++
    this.#waiting.set(key, waiting)
    return {
      loaded: () => void waiting.loaded++,
      get wasLoaded() {
        return waiting.loaded > before
      },
      end: () => {
        if (--waiting.callers === 0) this.#waiting.delete(key)
      },
    }
  }
}
