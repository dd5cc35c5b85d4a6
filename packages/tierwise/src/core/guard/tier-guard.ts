import { Breaker } from '../../base/breaker.ts'
import { withDeadline } from '../../base/deadline.ts'
import { SharedTimers } from '../../base/shared-timers.ts'
import type { OperationStats } from '../../contract/analytics.ts'
import type { BreakerState, GuardedKind, TierOperation, TierOperationEvent } from '../../contract/events.ts'
import type { Runtime, Timer } from '../../contract/runtime.ts'
import { TierError, TimeoutError } from '../../errors.ts'
import { Latency } from '../../statistics/latency.ts'
import type { Emitter } from '../emitter.ts'
import { traceOperation } from '../tracing.ts'
import type { GuardSettings } from './guard-options.ts'
import { TierOpening } from './tier-opening.ts'

export interface TierGuardParts {
  readonly name: string
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly settings: GuardSettings
  /** Whether it is noted how long operations take. */
  readonly hasStatistics: boolean
  /** Opens the tier and makes it ready for use. */
  readonly open: () => Promise<void>
}

type SharedKind = Exclude<GuardedKind, 'open'>

const kinds: Readonly<Record<TierOperation, SharedKind>> = {
  open: 'read',
  close: 'read',
  get: 'read',
  usage: 'read',
  scan: 'read',
  set: 'write',
  lease: 'write',
  bus: 'read',
  delete: 'remove',
  clear: 'remove',
  tags: 'remove',
  notes: 'remove',
}

/** Reads change nothing, so they may be tried again. A write that failed leaves an intent, which is. */
const repeatable: ReadonlySet<TierOperation> = new Set(['get', 'usage'])

/** They may visit everything, so that they are late says nothing about the others. */
const lengthy: ReadonlySet<TierOperation> = new Set(['usage', 'clear'])

const firstNapMs = 20

const nothing: Promise<undefined> = Promise.resolve(undefined)

interface Call<T> {
  readonly operation: TierOperation
  readonly work: () => Promise<T>
  readonly isPatient: boolean
}

/** What is counted of one operation. */
interface Counts extends Record<Exclude<keyof OperationStats, 'latency'>, number> {
  readonly latency: Latency | undefined
}

/**
 * What stands between the engine and one tier, whichever of its keys are asked for: a deadline for every operation,
 * breakers that answer for a tier that keeps failing, a limit on what is under way, another try for reads. `run` never
 * rejects.
 *
 * Reads, writes and removals have breakers of their own. A disk whose writes are slow still answers reads, which keep an
 * application alive; a store that is full still removes.
 *
 * The operation that finds a pause over becomes the probe, but its caller does not wait for it: it is answered like the
 * callers before it. A tier that stays dead therefore costs its callers one deadline, once, and not one in each pause.
 */
export class TierGuard {
  readonly name: string
  readonly opening: TierOpening
  readonly #parts: TierGuardParts
  readonly #breakers: Readonly<Record<SharedKind, Breaker>>
  readonly #counts = new Map<TierOperation, Counts>()
  readonly #deadlines: SharedTimers
  readonly #probes = new Set<Promise<unknown>>()
  readonly #naps = new Map<Timer, () => void>()
  #inFlight = 0
  #isClosed = false

  constructor(parts: TierGuardParts) {
    const { name, runtime, settings, emitter } = parts
    this.name = name
    this.#parts = parts
    this.#deadlines = new SharedTimers(runtime)
    const breaker = (kind: SharedKind): Breaker =>
      new Breaker(settings.breaker, runtime.clock, (state, reason) =>
        emitter.emit({ type: 'breaker', tier: name, kind, state, reason }),
      )
    this.#breakers = { read: breaker('read'), write: breaker('write'), remove: breaker('remove') }
    this.opening = new TierOpening({
      name,
      runtime,
      settings,
      open: parts.open,
      onChange: (state, reason) => emitter.emit({ type: 'breaker', tier: name, kind: 'open', state, reason }),
      onFailure: (error) => this.report('open', error),
    })
  }

  get breakerStates(): Readonly<Record<GuardedKind, BreakerState>> {
    const { read, write, remove } = this.#breakers
    return { open: this.opening.breakerState, read: read.state, write: write.state, remove: remove.state }
  }

  /** By operation, for those that were asked for. */
  get stats(): Readonly<Partial<Record<TierOperation, OperationStats>>> {
    return Object.fromEntries(
      [...this.#counts].map(([operation, { latency, ...counts }]) => [
        operation,
        { ...counts, latency: latency?.summary },
      ]),
    )
  }

  /** Whether the answer to this operation is known without the tier: nothing need be made for `run` then. */
  refuses(operation: TierOperation): boolean {
    if (!this.#breakers[kinds[operation]].isShut) return false
    this.#count(operation).refused++
    return true
  }

  /** The result of the work, or undefined when it failed, was late or could not be sent. A patient caller waits for a probe too. */
  run<T>(operation: TierOperation, work: () => Promise<T>, isPatient = false): Promise<T | undefined> {
    if (this.#inFlight >= this.#parts.settings.maxInFlight) {
      this.#count(operation).rejected++
      this.#reportBusy(operation)
      return nothing
    }
    // Most calls find the tier open; they must reach it in the same tick, so that writes keep the order they were made in.
    if (this.opening.isOpen) return this.#try({ operation, work, isPatient })
    return this.#tryOnceOpen({ operation, work, isPatient })
  }

  /** Rejects when the work is late. For what the breakers do not count. */
  inTime<T>(operation: TierOperation, work: Promise<T>): Promise<T> {
    const ms = deadlineOf(operation, this.#parts.settings)
    return withDeadline(work, ms, { timers: this.#deadlines, error: () => this.#late(operation, ms) })
  }

  report(operation: TierOperation, error: unknown): void {
    this.#parts.emitter.emit({ type: 'tier-error', tier: this.name, operation, error })
  }

  /** Ends what waits: attempts to open, pauses before another try, probes that nobody waits for. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.opening.close()
    for (const [timer, wake] of this.#naps) {
      timer.cancel()
      wake()
    }
    this.#naps.clear()
    await Promise.all(this.#probes)
    this.#deadlines.close()
  }

  async #tryOnceOpen<T>(call: Call<T>): Promise<T | undefined> {
    const { operation, isPatient } = call
    const isOpen = !this.#breakers[kinds[operation]].isShut && (await this.opening.soon(isPatient))
    if (isOpen) return this.#try(call)
    this.#count(operation).refused++
    return undefined
  }

  #try<T>({ operation, work, isPatient }: Call<T>): Promise<T | undefined> {
    const breaker = this.#breakers[kinds[operation]]
    const pass = breaker.admit()
    if (pass === 0) {
      this.#count(operation).refused++
      return nothing
    }
    const isProbe = breaker.isUnproven && !isPatient
    const outcome = this.#send(operation, pass, work)
    if (!isProbe) return outcome
    this.#probes.add(outcome)
    void outcome.then(() => this.#probes.delete(outcome))
    return nothing
  }

  /** Not `async`, for every operation of the tier passes here. */
  #send<T>(operation: TierOperation, pass: number, work: () => Promise<T>): Promise<T | undefined> {
    const sentAt = this.#parts.runtime.clock.now()
    const breaker = this.#breakers[kinds[operation]]
    const counts = this.#count(operation)
    counts.calls++
    this.#inFlight++
    const running = this.#start(operation, work, sentAt)
    return this.inTime(operation, running).then(
      (result) => {
        this.#inFlight--
        breaker.succeeded(pass)
        this.#ended(operation, { sentAt, outcome: 'answered' })
        return result
      },
      (error: unknown) => {
        this.#inFlight--
        counts.failures++
        const isLate = error instanceof TimeoutError && error.tier === this.name
        if (isLate) counts.timeouts++
        breaker.failed(pass, isLate && !lengthy.has(operation) ? sentAt : undefined)
        if (isLate)
          running.then(
            () => breaker.answeredLate(),
            () => undefined,
          )
        this.#ended(operation, { sentAt, outcome: isLate ? 'late' : 'failed' })
        this.report(operation, error)
        return undefined
      },
    )
  }

  #ended(
    operation: TierOperation,
    { sentAt, outcome }: Pick<TierOperationEvent, 'outcome'> & { sentAt: number },
  ): void {
    const { emitter, runtime } = this.#parts
    const latency = outcome === 'answered' ? this.#count(operation).latency : undefined
    const isHeard = emitter.listens('tier-operation')
    if (latency === undefined && !isHeard) return
    const durationMs = runtime.clock.now() - sentAt
    latency?.record(durationMs)
    if (isHeard) emitter.emit({ type: 'tier-operation', tier: this.name, operation, durationMs, outcome })
  }

  #start<T>(operation: TierOperation, work: () => Promise<T>, sentAt: number): Promise<T> {
    let running: Promise<T>
    try {
      running = traceOperation({ tier: this.name, operation }, work)
    } catch (error) {
      running = Promise.reject(error as Error)
    }
    if (this.#parts.settings.retries === 0 || !repeatable.has(operation)) return running
    return running.catch((error: unknown) => this.#persist(operation, work, { error, sentAt }))
  }

  async #persist<T>(
    operation: TierOperation,
    work: () => Promise<T>,
    first: { readonly error: unknown; readonly sentAt: number },
  ): Promise<T> {
    const { runtime, settings, emitter } = this.#parts
    const endsAt = first.sentAt + settings.timeoutMs
    let { error } = first
    for (let attempt = 1; ; attempt++) {
      // The first at once: what broke is often the connection, and the next one is there already.
      const napMs = attempt === 1 ? 0 : runtime.random() * firstNapMs * 2 ** (attempt - 2)
      if (attempt > settings.retries || !mayHelp(error) || runtime.clock.now() + napMs >= endsAt) throw error
      this.#count(operation).retries++
      emitter.emit({ type: 'tier-retry', tier: this.name, operation, attempt, error })
      if (napMs > 0) await this.#nap(napMs)
      if (this.#isClosed) throw error
      try {
        return await traceOperation({ tier: this.name, operation }, work)
      } catch (next) {
        error = next
      }
    }
  }

  #nap(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.runtime.timers.after(ms, () => {
        this.#naps.delete(timer)
        resolve()
      })
      this.#naps.set(timer, resolve)
    })
  }

  #count(operation: TierOperation): Counts {
    let counts = this.#counts.get(operation)
    if (counts === undefined) {
      const latency = this.#parts.hasStatistics ? Latency.ofOperations() : undefined
      counts = { calls: 0, failures: 0, timeouts: 0, retries: 0, refused: 0, rejected: 0, latency }
      this.#counts.set(operation, counts)
    }
    return counts
  }

  #reportBusy(operation: TierOperation): void {
    if (!this.#parts.emitter.listens('tier-error')) return
    const { maxInFlight } = this.#parts.settings
    this.report(
      operation,
      new TierError(
        `Tier \`${this.name}\` has ${maxInFlight} operations under way, so \`${operation}\` was not sent. Raise \`maxInFlight\` if this is normal for it.`,
        { code: 'ERR_CACHE_TIER_BUSY', tier: this.name, operation, retryable: true },
      ),
    )
  }

  #late(operation: TierOperation, ms: number): TimeoutError {
    const option = ms === this.#parts.settings.timeoutMs ? 'tierTimeout' : 'connectTimeout'
    return new TimeoutError(
      `Tier \`${this.name}\` did not answer \`${operation}\` within ${ms} ms. Raise \`${option}\` if this is normal for it.`,
      { code: 'ERR_CACHE_TIER_TIMEOUT', tier: this.name, operation, retryable: true },
    )
  }
}

/** A clear visits everything, and a close writes what is pending. */
function deadlineOf(operation: TierOperation, settings: GuardSettings): number {
  return operation === 'clear' || operation === 'close' ? settings.connectTimeoutMs : settings.timeoutMs
}

/** A tier may reject with errors of its own: what counts is the mark. */
function mayHelp(error: unknown): boolean {
  return error instanceof Error && 'retryable' in error && error.retryable === true && !(error instanceof TimeoutError)
}
