import type { CacheErrorCode } from '../../errors.ts'

/** What an instance asks its store. */
export type SharedOperation =
  | 'get'
  | 'set'
  | 'delete'
  | 'scan'
  | 'clear'
  | 'usage'
  | 'tags'
  | 'acquire'
  | 'fill'
  | 'release'
  | 'change'
  | 'affirm'
  /** The confirm loop of the bus: reads the heads of the lanes, and writes down how far the instance is. */
  | 'poll'
  /** The bus reads what it has missed from the log of a lane. */
  | 'resync'
  | 'barrier'

const reads: ReadonlySet<SharedOperation> = new Set(['get', 'scan', 'usage', 'poll', 'resync', 'barrier'])

export interface PauseOptions {
  /** `before` the store works on the call, or `after`, when only the reply is under way. @default 'after' */
  readonly moment?: 'before' | 'after'
  /** How many calls are held up; later ones pass. @default Infinity */
  readonly calls?: number
  /** Only calls that are about this storage key or mark of a tag. @default all */
  readonly key?: string
}

/** A place where calls wait until the test lets them go on. */
export interface Pause {
  /** Resolves once a call waits here. */
  readonly reached: Promise<void>
  /** Calls that wait here now. */
  readonly waiting: number
  /** Lets the waiting calls go on, and later ones pass. */
  resume(): void
  /** The waiting calls are lost on their way and reject; later ones pass. */
  fail(): void
}

/** What a call rejects with whose way was cut. */
export function lostCode(operation: SharedOperation | 'open'): CacheErrorCode {
  if (operation === 'open') return 'ERR_CACHE_TIER_OPEN'
  return reads.has(operation) ? 'ERR_CACHE_TIER_READ' : 'ERR_CACHE_TIER_WRITE'
}

/** The pauses on the way of one instance. */
export class Pauses {
  readonly #pauses = new Set<HeldCalls>()
  readonly #waiting = new Set<() => void>()

  add(operation: SharedOperation, options: PauseOptions = {}): Pause {
    const pause = new HeldCalls(operation, options, () => this.#pauses.delete(pause))
    this.#pauses.add(pause)
    return pause
  }

  /** Those that hold up the call now, each to be waited for before the next one is looked for. */
  *at(operation: SharedOperation, keys: readonly string[], moment: 'before' | 'after'): Iterable<HeldCalls> {
    for (const pause of this.#pauses) if (pause.takes(operation, keys, moment)) yield pause
  }

  /** Resolves when the pause lets the call go on, rejects with `lost()` when the call is lost there. */
  async wait(pause: HeldCalls, lost: () => Error): Promise<void> {
    let giveUp: () => void = () => {}
    const isLost = await new Promise<boolean>((resolve, reject) => {
      giveUp = () => reject(lost())
      this.#waiting.add(giveUp)
      pause.hold(resolve)
    }).finally(() => this.#waiting.delete(giveUp))
    if (isLost) throw lost()
  }

  /** All calls that wait now are lost. */
  failWaiting(): void {
    for (const giveUp of this.#waiting) giveUp()
  }
}

export class HeldCalls implements Pause {
  readonly reached: Promise<void>
  readonly #operation: SharedOperation
  readonly #options: PauseOptions
  readonly #end: () => void
  readonly #held: ((isLost: boolean) => void)[] = []
  #left: number
  #reach!: () => void

  constructor(operation: SharedOperation, options: PauseOptions, end: () => void) {
    this.#operation = operation
    this.#options = options
    this.#end = end
    this.#left = options.calls ?? Infinity
    this.reached = new Promise((resolve) => (this.#reach = resolve))
  }

  get waiting(): number {
    return this.#held.length
  }

  takes(operation: SharedOperation, keys: readonly string[], moment: 'before' | 'after'): boolean {
    const { key, moment: wanted = 'after' } = this.#options
    return (
      this.#left > 0 && operation === this.#operation && moment === wanted && (key === undefined || keys.includes(key))
    )
  }

  hold(go: (isLost: boolean) => void): void {
    this.#left--
    this.#held.push(go)
    this.#reach()
  }

  resume(): void {
    this.#finish(false)
  }

  fail(): void {
    this.#finish(true)
  }

  #finish(isLost: boolean): void {
    this.#left = 0
    this.#end()
    for (const go of this.#held.splice(0)) go(isLost)
  }
}
