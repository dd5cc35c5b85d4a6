import type { Clock, Random } from '../../../contract/runtime.ts'

const longestPauseMs = 30_000
const mostDoublings = 20

/** Milliseconds to wait after so many failures in a row: doubling from `first`, bounded, half of it by chance. */
export function pauseAfter(failures: number, first: number, random: Random): number {
  const full = Math.min(first * 2 ** Math.min(Math.max(failures, 1) - 1, mostDoublings), longestPauseMs)
  return full * (0.5 + random() / 2)
}

/** What is left alone for a while because it failed, longer each time in a row. */
export class Pauses {
  readonly #clock: Pick<Clock, 'now'>
  readonly #random: Random
  readonly #firstMs: number
  readonly #failed = new Map<string, { readonly failures: number; readonly until: number }>()

  constructor({ clock, random, firstMs }: { clock: Pick<Clock, 'now'>; random: Random; firstMs: number }) {
    this.#clock = clock
    this.#random = random
    this.#firstMs = firstMs
  }

  /** The names that are left alone now. */
  get current(): readonly string[] {
    const now = this.#clock.now()
    return [...this.#failed].flatMap(([name, { until }]) => (until > now ? [name] : []))
  }

  /** Milliseconds until the next of them is over; `Infinity` when there is none. */
  get nextMs(): number {
    const now = this.#clock.now()
    const left = [...this.#failed.values()].map(({ until }) => until - now).filter((ms) => ms > 0)
    return Math.min(Infinity, ...left)
  }

  failed(name: string): void {
    const failures = (this.#failed.get(name)?.failures ?? 0) + 1
    this.#failed.set(name, {
      failures,
      until: this.#clock.now() + pauseAfter(failures, this.#firstMs, this.#random),
    })
  }

  succeeded(name: string): void {
    this.#failed.delete(name)
  }
}
