/** Keys remembered before the older half is forgotten. */
const keysPerGeneration = 32_768

/**
 * Which keys were used lately, in two generations of bounded size. In memory only: a read never writes, and after a
 * restart the age of a record decides until reads have told more.
 */
export class Recency {
  #current = new Set<string>()
  #previous = new Set<string>()

  touch(key: string): void {
    if (this.#current.has(key)) return
    if (this.#current.size >= keysPerGeneration) {
      this.#previous = this.#current
      this.#current = new Set()
    }
    this.#current.add(key)
  }

  /** 2 for lately, 1 for a while ago, 0 for not remembered. */
  rank(key: string): number {
    if (this.#current.has(key)) return 2
    return this.#previous.has(key) ? 1 : 0
  }
}
