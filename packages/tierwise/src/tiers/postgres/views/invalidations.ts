/** An invalidation; `at` is the clock of the server, in microseconds, once that is known. */
interface Mark {
  at: number | undefined
  isSent: boolean
}

/** Marks whose time an answer of the server will tell. */
export type Sent = readonly Mark[]

/**
 * What was invalidated since the last refresh of a view. The rows of a view are as old as its last refresh, so a key
 * counts again once a refresh has started after its invalidation.
 *
 * Both times are of the server's clock. A statement that is sent after an invalidation comes back with a time that is
 * later than it; until one has come back, the key does not count whatever the refresh.
 */
export class Invalidations {
  readonly #most: number
  readonly #keys = new Map<string, Mark>()
  #all: Mark | undefined
  #unsent: Mark[] = []
  #refreshed = 0
  /** The latest of the marks that were dropped: an answer may arrive late, with rows of before. */
  #forgotten = -1

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#keys.size
  }

  /** Whether something was invalidated whose time nobody has asked the server for. */
  get hasUnsent(): boolean {
    return this.#unsent.length > 0
  }

  /** False when there are too many keys, and the whole view does not count from now on. */
  note(key: string): boolean {
    if (this.#all?.isSent === false || this.#keys.get(key)?.isSent === false) return true
    if (this.#keys.size >= this.#most && !this.#keys.has(key)) {
      this.noteAll()
      return false
    }
    this.#keys.set(key, this.#mark())
    return true
  }

  noteAll(): void {
    if (this.#all?.isSent === false) return
    this.#keys.clear()
    this.#unsent = []
    this.#all = this.#mark()
  }

  /** Call before a statement is sent; hand the result to `answered`, or to `lost`. */
  send(): Sent {
    const sent = this.#unsent
    this.#unsent = []
    for (const mark of sent) mark.isSent = true
    return sent
  }

  lost(sent: Sent): void {
    if (sent.length === 0) return
    for (const mark of sent) mark.isSent = false
    this.#unsent = [...sent, ...this.#unsent]
  }

  /** The statement was answered at `now`, when the last refresh had started at `refreshed`. */
  answered(sent: Sent, now: number, refreshed: number): void {
    for (const mark of sent) mark.at = now
    if (refreshed <= this.#refreshed) return
    this.#refreshed = refreshed
    if (isPast(this.#all, refreshed)) {
      this.#forget(this.#all)
      this.#all = undefined
    }
    for (const [key, mark] of this.#keys) {
      if (!isPast(mark, refreshed)) continue
      this.#forget(mark)
      this.#keys.delete(key)
    }
  }

  /** Whether a row of the key, as old as `refreshed`, is older than an invalidation. */
  cover(key: string, refreshed: number): boolean {
    return refreshed <= this.#forgotten || isOpen(this.#all, refreshed) || isOpen(this.#keys.get(key), refreshed)
  }

  #forget(mark: Mark | undefined): void {
    this.#forgotten = Math.max(this.#forgotten, mark?.at ?? 0)
  }

  #mark(): Mark {
    const mark: Mark = { at: undefined, isSent: false }
    this.#unsent.push(mark)
    return mark
  }
}

function isPast(mark: Mark | undefined, refreshed: number): boolean {
  return mark?.at !== undefined && mark.at < refreshed
}

function isOpen(mark: Mark | undefined, refreshed: number): boolean {
  return mark !== undefined && !isPast(mark, refreshed)
}
