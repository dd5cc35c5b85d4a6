/**
 * Runs writes of the same key one after the other, for tiers that cannot tell an old write from a new one. A write
 * waits for the one before it to really end, also when its caller has long stopped waiting.
 */
export class KeyOrder {
  readonly #tails = new Map<string, Promise<unknown>>()

  run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = keys.map((key) => this.#tails.get(key)).filter((tail) => tail !== undefined)
    const result = before.length === 0 ? work() : Promise.all(before).then(work)
    const tail: Promise<void> = result.then(
      () => this.#leave(keys, tail),
      () => this.#leave(keys, tail),
    )
    for (const key of keys) this.#tails.set(key, tail)
    return result
  }

  #leave(keys: readonly string[], tail: Promise<unknown>): void {
    for (const key of keys) if (this.#tails.get(key) === tail) this.#tails.delete(key)
  }
}
