import type { How, Seen, Told, Wrong } from './calls.ts'

/** One value of a key at its source. */
interface Version {
  /** When the source took it. */
  readonly at: number
  readonly by: string
  readonly how: How
  /** From then on all that is older is superseded: the cache has been told, and cannot have lost it. */
  firmAt: number
  /** From then on nobody answers anything older. */
  barrierAt: number
  toldAt: number | undefined
}

/** Who answered a value of a key, and when it was asked for last. */
interface Answered {
  readonly member: string
  readonly number: number
  lastBegin: number
}

export interface Violation {
  readonly key: number
  readonly number: number
  readonly member: string
  readonly begin: number
  readonly what: string
}

export interface HistoryEvent {
  readonly at: number
  readonly who: string
  readonly what: string
}

/** Clocks of one host are the same; what is read of them is rounded. */
const slackMs = 1
/** Values that are older are not answered any more, or have been found out. */
const mostKept = 400

/** What the source of one key went through. */
class KeyHistory {
  readonly versions: Version[] = [
    { at: -Infinity, by: '', how: 'set', firmAt: -Infinity, barrierAt: Infinity, toldAt: undefined },
  ]
  readonly answered = new Map<string, Answered>()
  lockedBy: string | undefined
  newest: { readonly token: string; readonly number: number } | undefined

  get number(): number {
    return this.versions.length - 1
  }

  /** When this value was superseded for certain, and when nobody was to answer it any more. */
  endOf(number: number): { readonly firmAt: number; readonly barrierAt: number } {
    let [firmAt, barrierAt] = [Infinity, Infinity]
    for (let later = number + 1; later < this.versions.length; later++) {
      const version = this.versions[later]!
      firmAt = Math.min(firmAt, version.firmAt)
      barrierAt = Math.min(barrierAt, version.barrierAt)
    }
    return { firmAt, barrierAt }
  }

  prune(): void {
    if (this.answered.size < 2 * mostKept) return
    for (const [id, { number }] of this.answered) if (number < this.number - mostKept) this.answered.delete(id)
  }
}

/**
 * The source of all keys, and the judge of what is answered of them. All times are of one clock.
 *
 * A value is superseded when a call that told the cache of a later one had resolved as applied. While a server loses what
 * it has confirmed (a restored snapshot, a failover), confirmations that it may have lost count only from the moment on
 * when every member has found out: see `doubtSince`.
 */
export class History {
  readonly violations: Violation[] = []
  readonly #keys: readonly KeyHistory[]
  readonly #maxStalenessMs: number
  readonly #now: () => number
  /** Confirmations made since then may get lost. */
  #doubtSince = Infinity
  #doubted: { readonly member: string; readonly told: Told }[] = []
  #lastLossAt = -Infinity
  #barriersFrom = -Infinity

  constructor(options: { readonly keys: number; readonly maxStalenessMs: number; readonly now: () => number }) {
    this.#keys = Array.from({ length: options.keys }, () => new KeyHistory())
    this.#maxStalenessMs = options.maxStalenessMs
    this.#now = options.now
  }

  /** Values of the source so far. */
  get changes(): number {
    return this.#keys.reduce((sum, { number }) => sum + number, 0)
  }

  current(key: number): number {
    return this.#keys[key]!.number
  }

  newest(key: number): { readonly token: string; readonly number: number } | undefined {
    return this.#keys[key]!.newest
  }

  /** Changes the key unless somebody else is at it. */
  begin(key: number, by: string, how: How): number | undefined {
    const history = this.#keys[key]!
    if (history.lockedBy !== undefined) return undefined
    history.lockedBy = by
    history.versions.push({
      at: this.#now(),
      by,
      how,
      firmAt: Infinity,
      barrierAt: Infinity,
      toldAt: undefined,
    })
    return history.number
  }

  end(member: string, told: Told): void {
    const history = this.#keys[told.key]!
    if (history.lockedBy === member) history.lockedBy = undefined
    this.#tell(member, told)
  }

  /** Keys that the member was changing when it died. They stay locked for whoever tells the cache instead. */
  inherit(member: string, heir: string): readonly number[] {
    const left: number[] = []
    for (const [key, history] of this.#keys.entries()) {
      if (history.lockedBy !== member) continue
      history.lockedBy = heir
      left.push(key)
    }
    return left
  }

  /** Keys that the member had changed without being able to tell anybody, and nobody has told of since. */
  owedBy(member: string): readonly number[] {
    return [...this.#keys.keys()].filter((key) => {
      const { versions } = this.#keys[key]!
      const own = versions.findLastIndex(({ by }) => by === member)
      return own > 0 && versions.slice(own).every(({ toldAt }) => toldAt === undefined)
    })
  }

  /** Keys that members who are dead now have changed since the doubt began: nobody else need have heard of that. */
  doubtedOf(isAlive: (member: string) => boolean): readonly number[] {
    const dead = this.#doubted.filter(({ member }) => !isAlive(member))
    return [...new Set(dead.map(({ told }) => told.key))]
  }

  /** From now on confirmations may get lost. */
  doubtSince(instant: number): void {
    this.#doubtSince = instant
  }

  /** Whatever was lost has been repaired. */
  trust(): void {
    this.#doubtSince = Infinity
    const at = this.#now()
    this.#lastLossAt = at
    for (const { member, told } of this.#doubted.splice(0)) this.#tell(member, { ...told, at })
  }

  /**
   * Barriers that are passed before then count as plain invalidations: lanes may lose their heads while the members stay,
   * and a number that a member has reached in a history that is lost then passes for one of the new history.
   */
  distrustBarriers(until: number): void {
    this.#barriersFrom = until
  }

  see(member: string, seen: Seen): void {
    const history = this.#keys[seen.key]!
    const version = history.versions[seen.number]
    if (version === undefined || seen.firstEnd < version.at)
      return this.#accuse({ ...seen, member, begin: seen.lastBegin, what: 'was answered before the source had it' })
    if (seen.isLenient) return
    const id = `${member} ${seen.number}`
    const known = history.answered.get(id)
    if (known === undefined) history.answered.set(id, { member, number: seen.number, lastBegin: seen.lastBegin })
    else known.lastBegin = Math.max(known.lastBegin, seen.lastBegin)
    this.#judge(seen.key, history.answered.get(id)!)
    history.prune()
  }

  /** What the source of a key went through in a stretch of time. */
  events(key: number, from: number, to: number): readonly HistoryEvent[] {
    const events: HistoryEvent[] = []
    for (const [number, version] of this.#keys[key]!.versions.entries()) {
      const { at, by, how, toldAt, barrierAt } = version
      events.push({ at, who: 'source', what: `${number} by ${by} (${how})` })
      if (toldAt !== undefined) events.push({ at: toldAt, who: by, what: `${how} of ${number} applied` })
      if (barrierAt !== Infinity) events.push({ at: barrierAt, who: by, what: `barrier of ${number} passed` })
    }
    return events.filter(({ at }) => at >= from && at <= to)
  }

  lastChangeAt(key: number): number {
    return this.#keys[key]!.versions.at(-1)!.at
  }

  /** When somebody was told of the first later value than this; it may have been lost again. */
  supersededAt(key: number, number: number): number {
    return Math.min(Infinity, ...this.#keys[key]!.versions.slice(number + 1).map(({ toldAt = Infinity }) => toldAt))
  }

  #tell(member: string, told: Told): void {
    const { key, number, how, at, token } = told
    const history = this.#keys[key]!
    const version = history.versions[number]
    if (at === null || version === undefined) return
    version.toldAt ??= at
    if (at >= this.#doubtSince) return void this.#doubted.push({ member, told })
    // Of a change that a server may lose, one that has just taken over, or is still about to be told so, knows nothing.
    if (token !== undefined && (history.newest?.number ?? 0) <= number) history.newest = { token, number }
    version.firmAt = Math.min(version.firmAt, at)
    if (how === 'barrier' && at >= this.#barriersFrom) version.barrierAt = Math.min(version.barrierAt, at)
    for (const answered of history.answered.values()) if (answered.number < number) this.#judge(key, answered)
  }

  #judge(key: number, { member, number, lastBegin }: Answered): void {
    const { firmAt, barrierAt } = this.#keys[key]!.endOf(number)
    const tooLateMs = lastBegin - firmAt - this.#maxStalenessMs
    if (tooLateMs > slackMs)
      this.#accuse({
        key,
        number,
        member,
        begin: lastBegin,
        what: `had been superseded ${Math.round(lastBegin - firmAt)} ms before it was asked for (P3)`,
      })
    if (lastBegin > barrierAt)
      this.#accuse({ key, number, member, begin: lastBegin, what: 'was answered after a barrier (P5)' })
  }

  #accuse({ key, number, member, begin, what }: Violation): void {
    const isKnown = this.violations.some((known) => known.key === key && known.number === number)
    if (!isKnown) this.violations.push({ key, number, member, begin, what })
  }

  /**
   * What a member has found out by itself. After a loss a value that may only stand in for others can have come back, and
   * with a new version if somebody has let it expire again before the loss was repaired.
   */
  accuse(member: string, { floor, isLenient, ...wrong }: Wrong): void {
    const toldAt = this.#keys[wrong.key]!.versions[floor]?.toldAt ?? Infinity
    const lossAt = this.#doubtSince === Infinity ? this.#lastLossAt : Infinity
    if (isLenient && lossAt > toldAt) return
    this.#accuse({ ...wrong, member })
  }
}
