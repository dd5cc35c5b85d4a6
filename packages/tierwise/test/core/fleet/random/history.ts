/** A change that somebody made: it moved the source of a key to a value and told the cache. */
export interface Change {
  readonly key: string
  readonly by: number
  /** The value of the source from then on. */
  value: number
  /** It wrote the value itself. */
  readonly isSet: boolean
  /** It leaves the value to loads, which may answer it while another process loads or the source fails. */
  readonly isExpiry: boolean
  /** In the order of everything that happens. */
  readonly begun: number
  ended: number | undefined
  /** When it ended, in epoch milliseconds. */
  endedAt: number | undefined
  /** The store is known to have made it before it ended. */
  isConfirmed: boolean
  /** The store had not taken it when it ended, and will be told again. */
  isOwed: boolean
  token: string | undefined
}

/** A read that has begun. */
export interface Read {
  readonly what: string
  readonly key: string
  readonly by: number
  readonly startedAt: number
  readonly begun: number
  /** It asked for something at least as new as this. */
  readonly after: Change | undefined
}

export interface Outcome {
  readonly now: number
  readonly isConfirmed: boolean
  readonly isOwed?: boolean
  readonly token?: string
}

export interface Answer {
  readonly value: unknown
  readonly now: number
}

/**
 * The reference of the random work: what a read may answer.
 *
 * The source of each key counts up, so a value says how old it is. A read may not answer what was superseded by a change
 * that its own instance had made before, that its token names, or that the store had taken more than the bound ago. A
 * value that was *set* by somebody is excused from changes that overlap with that: the store orders these, not the source.
 */
export class History {
  readonly #source = new Map<string, number>()
  readonly #changes: Change[] = []
  /** Members that were cut off for ever: what they owe the store they will never deliver. */
  readonly #gone = new Set<number>()
  readonly violations: string[] = []
  readonly #boundMs: number
  #steps = 0

  constructor(boundMs: number) {
    this.#boundMs = boundMs
  }

  /** What a loader that runs now brings. */
  current(key: string): number {
    return this.#source.get(key) ?? 0
  }

  /** Moves the source on, to make a change of it. */
  begin(key: string, by: number, how: 'set' | 'expire' | 'remove'): Change {
    const change: Change = {
      key,
      by,
      value: this.move(key),
      isSet: how === 'set',
      isExpiry: how === 'expire',
      begun: ++this.#steps,
      ended: undefined,
      endedAt: undefined,
      isConfirmed: false,
      isOwed: false,
      token: undefined,
    }
    this.#changes.push(change)
    return change
  }

  move(key: string): number {
    const next = this.current(key) + 1
    this.#source.set(key, next)
    return next
  }

  end(change: Change, outcome: Outcome): void {
    change.ended = ++this.#steps
    change.endedAt = outcome.now
    change.isConfirmed = outcome.isConfirmed
    change.isOwed = outcome.isOwed ?? false
    change.token = outcome.token
  }

  bury(by: number): void {
    this.#gone.add(by)
  }

  /** The latest change of the key that left a token. */
  latest(key: string): Change | undefined {
    return this.#changes.findLast((change) => change.key === key && change.isConfirmed && change.token !== undefined)
  }

  read(
    what: string,
    { key, by, now, after }: { key: string; by: number; now: number; after?: Change | undefined },
  ): Read {
    return { what, key, by, startedAt: now, begun: ++this.#steps, after }
  }

  check(read: Read, { value, now }: Answer): void {
    if (value === undefined) return
    if (typeof value !== 'number' || value > this.current(read.key))
      return this.#blame(read, value, 'which was never there')
    for (const change of this.#changes) {
      if (change.key !== read.key || this.#excuses(value, change)) continue
      const why = this.#binds(read, change)
      if (why !== undefined)
        this.#blame(read, value, `${why} (${change.value}); it is ${now - read.startedAt} ms later`)
    }
  }

  /** Everything has ended and was healed: nothing may be held that a change has made old. */
  checkAtRest(what: string, key: string, value: unknown): void {
    if (typeof value !== 'number') return
    for (const change of this.#changes)
      if (change.key === key && !this.#isLost(change) && !this.#excuses(value, change, true))
        this.violations.push(`At rest ${what} holds ${value} of ${key}, and ${change.value} was there`)
  }

  #binds(read: Read, change: Change): string | undefined {
    if (change.isExpiry && read.what.startsWith('getOrSet')) return undefined
    if (change.ended === undefined || change.endedAt === undefined || change.ended > read.begun) return undefined
    if (change.by === read.by) return 'after its own change'
    if (read.after === change) return 'after the change of the token'
    if (change.isConfirmed && change.endedAt <= read.startedAt - this.#boundMs)
      return `${read.startedAt - change.endedAt} ms after a change`
    return undefined
  }

  /** Whether the value may follow the change. One that was set and failed may still land until it is made good. */
  #excuses(value: number, change: Change, isAtRest = false): boolean {
    if (value >= change.value) return true
    const writer = this.#changes.find((each) => each.key === change.key && each.value === value)
    if (writer?.isSet !== true) return false
    // What an instance owes it tells once more, after all that it had sent before.
    if (writer.by === change.by && writer.begun < change.begun && change.isOwed) return false
    if (this.#isLost(writer) || (!writer.isConfirmed && !isAtRest)) return true
    return writer.ended === undefined || writer.ended > change.begun
  }

  #isLost({ by, isConfirmed }: Change): boolean {
    return !isConfirmed && this.#gone.has(by)
  }

  #blame({ what, key, by }: Read, value: unknown, why: string): void {
    this.violations.push(`${what} of ${key} on ${by} answered ${String(value)}, ${why}`)
  }
}
