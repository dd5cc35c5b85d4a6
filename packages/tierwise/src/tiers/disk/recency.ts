/** Keys remembered before those that were not used meanwhile are forgotten. */
const keysPerGeneration = 32_768

/**
 * The order in which keys were used lately, in two generations of bounded size. In memory only: a read never writes, and
 * after a restart the age of a record decides until reads have told more.
 */
export class Recency {
  #current = new Map<string, number>()
  #previous = new Map<string, number>()
  #uses = 0

  touch(key: string): void {
    if (this.#current.size >= keysPerGeneration) {
      this.#previous = this.#current
      this.#current = new Map()
    }
    this.#current.set(key, ++this.#uses)
  }

  /** Larger is later; 0 when it is not remembered. */
  lastUseOf(key: string): number {
    return this.#current.get(key) ?? this.#previous.get(key) ?? 0
  }
}
