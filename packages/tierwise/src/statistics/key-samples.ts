import { HeavyHitters } from '../base/heavy-hitters.ts'
import { keyFamily } from '../base/key-family.ts'

const keyPlaces = 64
const familyPlaces = 16
/** Reads behind memory are noted at this distance on average; each costs far more than a note. */
const stride = 8

/** Ten minutes halve what was counted, if it is aged every minute. */
export const ageMs = 60_000
const fade = 0.5 ** (1 / 10)

/** Which keys of a namespace are read, and how their families fare: estimates from samples, in fixed memory. */
export class KeySamples {
  readonly #random: () => number
  readonly #keys = new HeavyHitters(keyPlaces)
  readonly #hits = new HeavyHitters(familyPlaces)
  readonly #misses = new HeavyHitters(familyPlaces)
  #reads = 0
  #left = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** A sampled memory hit that stands for `weight` of them. */
  memoryHit(key: string, weight: number): void {
    this.#note(key, weight, this.#hits)
  }

  /** A read that memory did not answer: most of these are not looked at. */
  read(key: string, isHit: boolean): void {
    if (this.#left > 1) {
      this.#left--
      return
    }
    // A random distance: a fixed one would fall in step with a loop over keys.
    this.#left = 1 + Math.floor(this.#random() * (2 * stride - 1))
    this.#note(key, stride, isHit ? this.#hits : this.#misses)
  }

  /** To be called every `ageMs`: what was read long ago counts less. */
  age(): void {
    this.#reads *= fade
    for (const table of [this.#keys, this.#hits, this.#misses]) table.age(fade)
  }

  get reads(): number {
    return this.#reads
  }

  /**
   * Most read first, each with the reads it had at least; what may owe most of its count to others is left out, and what was
   * read less than `atLeast` times.
   */
  hotKeys(atLeast = 0): readonly { readonly key: string; readonly reads: number }[] {
    return this.#keys
      .top(keyPlaces, atLeast)
      .filter(({ count, error }) => error <= count / 2)
      .map(({ item, count, error }) => ({ key: item, reads: count - error }))
      .filter(({ reads }) => reads >= atLeast)
      .toSorted((a, b) => b.reads - a.reads)
  }

  /** Most read first; without those that were read less than `atLeast` times. */
  families(atLeast = 0): readonly { readonly family: string; readonly hits: number; readonly misses: number }[] {
    const hits = countsIn(this.#hits)
    const misses = countsIn(this.#misses)
    return [...new Set([...hits.keys(), ...misses.keys()])]
      .map((family) => ({ family, hits: hits.get(family) ?? 0, misses: misses.get(family) ?? 0 }))
      .filter((family) => family.hits + family.misses >= atLeast)
      .toSorted((a, b) => b.hits + b.misses - a.hits - a.misses)
  }

  #note(key: string, weight: number, families: HeavyHitters): void {
    this.#reads += weight
    this.#keys.add(key, weight)
    families.add(keyFamily(key), weight)
  }
}

function countsIn(table: HeavyHitters): ReadonlyMap<string, number> {
  return new Map(table.top(familyPlaces).map(({ item, count }) => [item, count]))
}
