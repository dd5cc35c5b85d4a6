/** Work that has begun and not ended. */
export class Underway {
  readonly #running = new Set<Promise<unknown>>()

  follow(work: Promise<unknown>): void {
    this.#running.add(work)
    const end = (): void => void this.#running.delete(work)
    work.then(end, end)
  }

  /** Resolves once everything has ended that is under way now, however it ends; undefined when nothing is. */
  settled(): Promise<unknown> | undefined {
    return this.#running.size === 0 ? undefined : Promise.allSettled(this.#running)
  }
}
