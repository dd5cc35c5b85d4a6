import type { Entry } from '../contract/entry.ts'
import type { Policy } from './policy.ts'
import type { Ticket } from './tickets.ts'

/** What a flight brings. `undefined` is the news that the source has no value. */
export interface Landing {
  readonly value: unknown
  readonly stale: boolean
  /** The tier it came from; undefined when it was loaded. */
  readonly tier: string | undefined
  readonly tags: readonly string[]
  /** The tag clock as of which the value is known to be valid. */
  readonly tagClock: number
}

/**
 * What a flight may do with its value. `own`: this process decides alone. `leased`: store it, as long as the lease holds.
 * `unproved`: the authority could not be asked; memory may keep it for a while. `none`: hand it to the callers only.
 */
export type Right =
  | { readonly kind: 'own' }
  | { readonly kind: 'leased'; readonly lease: string }
  | { readonly kind: 'unproved' }
  | { readonly kind: 'none' }

/** `lookup`: asking the lower tiers. `loading`: the loader runs. */
export type FlightStage = 'lookup' | 'loading'

/** A running load that later callers of the key join. Success and failure reach all of them at once. */
export class Flight {
  readonly key: string
  readonly policy: Policy
  readonly startedAt: number
  /** Version at the start: what was written later is newer than what this flight brings. */
  readonly base: number
  readonly landing: Promise<Landing>
  stage: FlightStage = 'lookup'
  /** False once the hard timeout has passed: later callers start a new one. */
  isJoinable = true
  callers = 0
  right: Right = { kind: 'own' }
  /** Opened with the lease, before the loader starts. */
  ticket: Ticket | undefined
  /** How long another process may still load the key before its lease runs out, in milliseconds. */
  busyMs = 0
  /** The fence of the key when its lease was asked for: what the loader has to read at least. */
  minSourceVersion: number | undefined
  /** The store has refused what was loaded: the fence is higher. */
  wasFenced = false
  /** The loader runs a second time, because it had read too old a version of the source. */
  isRepeat = false
  /** The version of a record that the store takes for fresh and this process must not use; -Infinity for none. */
  refused: number = -Infinity
  /** The store has announced a fresh record that this process did not find. */
  wasMisled = false
  /** Set once the loader was told to stop. */
  abortion: { readonly reason: unknown } | undefined
  /** Told of the abortion too: the batch this flight is part of. */
  onAbort: ((reason: unknown) => void) | undefined
  #controller: AbortController | undefined
  #present = 0
  /** What the cache still holds of the key: stale, or fresh when this flight refreshes it. */
  previous: Entry | undefined
  /** The tier of `previous`. */
  previousTier: string | undefined
  #isLookedUp = false
  #lookedUp: Promise<void> | undefined
  #onLookedUp: (() => void) | undefined
  #land!: (landing: Landing) => void
  #fail!: (error: unknown) => void

  constructor(key: string, policy: Policy, start: { readonly now: number; readonly version: number }) {
    this.key = key
    this.policy = policy
    this.startedAt = start.now
    this.base = start.version
    this.landing = new Promise((resolve, reject) => {
      this.#land = resolve
      this.#fail = reject
    })
    // A refresh has no caller to hear of a failure.
    this.landing.catch(() => undefined)
  }

  /** The loader's signal. Made when it is asked for: creating one costs more than the rest of a load in memory. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.abortion !== undefined) this.#controller.abort(this.abortion.reason)
    return this.#controller.signal
  }

  /** Tells the loader to stop; the first reason stays. */
  abort(reason: unknown): void {
    if (this.abortion !== undefined) return
    this.abortion = { reason }
    this.#controller?.abort(reason)
    this.onAbort?.(reason)
  }

  /** Resolves once the lower tiers have been asked, so that `previous` is known. */
  get lookedUp(): Promise<void> {
    if (this.#isLookedUp) return Promise.resolve()
    this.#lookedUp ??= new Promise((resolve) => {
      this.#onLookedUp = resolve
    })
    return this.#lookedUp
  }

  startLoading(): void {
    this.stage = 'loading'
    this.endLookup()
  }

  land(landing: Landing): void {
    this.endLookup()
    this.#land(landing)
  }

  fail(error: unknown): void {
    this.endLookup()
    this.#fail(error)
  }

  join(): void {
    this.callers++
    this.#present++
  }

  /** A caller aborted its wait. When the last one has, the load is of no use to anybody. */
  leave(reason: unknown): void {
    this.#present--
    if (this.#present === 0) this.abort(reason)
  }

  /** From here on `previous` is known, though the flight may still wait for another process to load. */
  endLookup(): void {
    this.#isLookedUp = true
    this.#onLookedUp?.()
  }

  get isAbandoned(): boolean {
    return this.callers > 0 && this.#present === 0
  }
}

/**
 * The flights of a namespace by key. Being in the table is the right to store: an invalidation or a write takes the
 * flight out, and a later flight of the same key takes its place, so whatever an older one brings is handed to its own
 * callers and stored nowhere.
 */
export class FlightTable {
  readonly #byKey = new Map<string, Flight>()

  get size(): number {
    return this.#byKey.size
  }

  joinable(key: string): Flight | undefined {
    const flight = this.#byKey.get(key)
    return flight?.isJoinable === true && !flight.isAbandoned ? flight : undefined
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  add(flight: Flight): void {
    this.#byKey.set(flight.key, flight)
  }

  mayStore(flight: Flight): boolean {
    // protocol P1 flight-detached: a change that detached the load is newer than what it brings
    return this.#byKey.get(flight.key) === flight
  }

  /** An applied change of the key: later callers start anew, and the running load may not store. */
  detach(key: string): void {
    this.#byKey.delete(key)
  }

  /** As `detach`, but spares a flight that already runs its loader; only what it found before that is no fallback any more. */
  detachLookup(key: string, version: number): void {
    const flight = this.#byKey.get(key)
    // protocol P1 lookup-detached: a load that asks the tiers may have had an answer from before the change
    if (flight?.stage === 'lookup') this.#byKey.delete(key)
    else if (flight?.previous !== undefined && flight.previous.version < version) flight.previous = undefined
  }

  end(flight: Flight): void {
    if (this.mayStore(flight)) this.#byKey.delete(flight.key)
  }

  keys(): IterableIterator<string> {
    return this.#byKey.keys()
  }

  values(): IterableIterator<Flight> {
    return this.#byKey.values()
  }

  detachAll(): void {
    this.#byKey.clear()
  }
}
