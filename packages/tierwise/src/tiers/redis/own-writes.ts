/** A process that writes more keys than this in the time of a generation reads from primaries for a while. */
const mostKeys = 100_000

/**
 * What this process has written lately: the newest version by key, so that its own reads never go back behind it. Two
 * generations are kept; each covers the time after which a replica that lacks a write is not used any more.
 */
export class OwnWrites {
  readonly #generationMs: number
  #newer = new Map<string, number>()
  #older = new Map<string, number>()
  #startedAt = -Infinity
  #coversAllUntil = -Infinity

  constructor(generationMs: number) {
    this.#generationMs = generationMs
  }

  note(key: string, version: number, now: number): void {
    this.#turn(now)
    if (this.#newer.size >= mostKeys) this.noteAll(now)
    else this.#newer.set(key, Math.max(version, this.#newer.get(key) ?? 0))
  }

  /** Any key may have been changed. */
  noteAll(now: number): void {
    this.#coversAllUntil = now + this.#generationMs
  }

  /** The version that an answer about the key has to reach; undefined when only the primary can answer. */
  leastVersion(key: string, now: number): number | undefined {
    if (now < this.#coversAllUntil) return undefined
    return Math.max(this.#newer.get(key) ?? 0, this.#older.get(key) ?? 0)
  }

  #turn(now: number): void {
    const age = now - this.#startedAt
    if (age < this.#generationMs) return
    this.#older = age < 2 * this.#generationMs ? this.#newer : new Map()
    this.#newer = new Map()
    this.#startedAt = now
  }
}
