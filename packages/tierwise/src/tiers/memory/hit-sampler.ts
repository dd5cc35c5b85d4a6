/** One hit of so many is looked at while there are many. */
const longestStride = 1024
/** Samples closer than this are too many. */
const hurriedMs = 10

/**
 * Chooses which hits are looked at closer. The distance between two is random around a stride, so that a loop over keys is
 * not seen in step; the stride doubles while samples come in a hurry and halves while they do not, so that a namespace with
 * little traffic is known as well as one with much.
 */
export class HitSampler {
  readonly #onSample: (key: string, weight: number, durationMs: number) => void
  readonly #random: () => number
  #stride = 1
  #lastHits = 0
  #lastAt = 0

  constructor(onSample: (key: string, weight: number, durationMs: number) => void, random: () => number) {
    this.#onSample = onSample
    this.#random = random
  }

  /** Takes a sample, the hit of that number, and returns the number of the next one. */
  take(key: string, hits: number, { startedAt, now }: { readonly startedAt: number; readonly now: number }): number {
    this.#onSample(key, hits - this.#lastHits, now - startedAt)
    this.#stride =
      startedAt - this.#lastAt < hurriedMs ? Math.min(this.#stride * 2, longestStride) : Math.max(1, this.#stride >> 1)
    this.#lastHits = hits
    this.#lastAt = now
    return hits + Math.floor(this.#random() * 2 * this.#stride)
  }
}
