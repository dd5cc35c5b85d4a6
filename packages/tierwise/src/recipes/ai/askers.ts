/** Tells apart an answer that was there from one that a call brought meanwhile. */
export class Askers {
  readonly #keys = new Map<string, { count: number; broughtAt: number; cachedAt: number }>()
  #sequence = 0

  /** Somebody asks for the key; `end` has to be called. */
  begin(key: string): { isShared(cachedAt: number): boolean; end(): void } {
    const from = ++this.#sequence
    const asked = this.#keys.get(key) ?? { count: 0, broughtAt: 0, cachedAt: 0 }
    asked.count++
    this.#keys.set(key, asked)
    return {
      isShared: (cachedAt) => asked.broughtAt > from && asked.cachedAt === cachedAt,
      end: () => {
        asked.count--
        if (asked.count === 0) this.#keys.delete(key)
      },
    }
  }

  /** A call has brought the answer. */
  brought(key: string, cachedAt: number): void {
    const asked = this.#keys.get(key)
    if (asked !== undefined) Object.assign(asked, { broughtAt: ++this.#sequence, cachedAt })
  }
}
