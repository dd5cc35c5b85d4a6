/** How many hold each key; a key that nobody holds is not in it. */
export class KeyCounter {
  readonly #counts = new Map<string, number>()

  add(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  remove(key: string): void {
    const left = (this.#counts.get(key) ?? 0) - 1
    if (left > 0) this.#counts.set(key, left)
    else this.#counts.delete(key)
  }

  countOf(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  has(key: string): boolean {
    return this.#counts.has(key)
  }

  keys(): IterableIterator<string> {
    return this.#counts.keys()
  }
}
