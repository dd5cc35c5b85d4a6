import type { Emitter } from './emitter.ts'

/** Work that nobody awaits: its failure becomes an event, and `settled` waits for all of it. */
export class Background {
  readonly #emitter: Emitter
  readonly #running = new Set<Promise<void>>()

  constructor(emitter: Emitter) {
    this.#emitter = emitter
  }

  get size(): number {
    return this.#running.size
  }

  run(work: string, promise: Promise<unknown>): void {
    const guarded = promise.then(
      () => undefined,
      (error: unknown) => this.#emitter.emit({ type: 'background-error', work, error }),
    )
    this.#running.add(guarded)
    void guarded.then(() => this.#running.delete(guarded))
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
