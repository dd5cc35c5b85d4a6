import { randomUUID } from 'node:crypto'
import { duration } from '../../base/option-reader.ts'
import type { HeldText, TextWrite } from '../../contract/coordination.ts'
import type { Duration } from '../../contract/options.ts'
import type { Timers } from '../../contract/runtime.ts'
import type { Keys } from '../keys.ts'
import type { AnswerSource, Steps } from '../steps.ts'
import { isUnavailable, type Step } from '../store-guard.ts'
import { textOf, valueOf } from '../values.ts'

/** How long a claim and a commit are kept. */
export interface ClaimTimes {
  /** After which a claim that was not committed is free again. @default that of the claims */
  readonly lease?: Duration
  /** How long a commit is remembered. @default that of the claims */
  readonly keep?: Duration
}

/** What came of a claim. */
export type Claim<R> =
  | ClaimedWork<R>
  /** It was done before: with what `commit` was given. */
  | { readonly kind: 'done'; readonly result: R | undefined }
  /** Somebody is at it, for so long at most. */
  | { readonly kind: 'busy'; readonly leftMs: number }

/** Work that is this caller's to do. */
export interface ClaimedWork<R> {
  /** Tells it from what is done or under way. */
  readonly kind: 'claimed'
  /** The store could not be asked; somebody else may be at it too. */
  readonly assumed: boolean
  /** Done, for everybody and for as long as `keep`. False when the lease ended and somebody else has claimed it since: it may have been done twice. */
  commit(result?: R): Promise<boolean>
  /** Free again for others at once. False when the lease had ended. */
  abandon(): Promise<boolean>
  /** Begins the lease again, for work that takes longer. False when it had ended. */
  extend(): Promise<boolean>
}

/** What came of `run`. */
export type ClaimedRun<R> =
  | {
      readonly kind: 'done'
      readonly result: R | undefined
      /** By this call. */
      readonly ran: boolean
      /** False when the work was done and that could not be kept: it may be done again by others. */
      readonly committed: boolean
    }
  | { readonly kind: 'busy'; readonly leftMs: number }

/**
 * Work that is to be done once: a lease, then a commit. A crash in between frees it when the lease ends, so work that was
 * done and not committed is done again: at least once, and only then twice.
 */
export interface Claims<R = never> {
  /** Claims, or says what became of it. */
  claim(id: string, times?: ClaimTimes): Promise<Claim<R>>
  /** In the order of the ids; each is claimed by itself. */
  claimMany(ids: readonly string[], times?: ClaimTimes): Promise<readonly Claim<R>[]>
  /** Claims, works and commits, and renews the lease meanwhile; abandons when the work fails, and throws what it threw. */
  run(id: string, work: (claim: ClaimedWork<R>) => R | Promise<R>, times?: ClaimTimes): Promise<ClaimedRun<R>>
  /** Whether it was committed. */
  isDone(id: string): Promise<boolean>
  /** Forgets a claim or a commit; whether there was one. */
  forget(id: string): Promise<boolean>
}

/** Times in milliseconds. */
export interface ClaimSettings {
  readonly leaseMs: number
  readonly keepMs: number
  readonly timers: Timers
}

/** Of the lease, after which `run` renews it. */
const renewalShare = 1 / 3

/** What is stored: who is at it, or what came of it. */
const pending = 'p:'
const done = 'd:'

export class StoredClaims<R> implements Claims<R> {
  readonly #keys: Keys
  readonly #steps: Steps
  readonly #settings: ClaimSettings

  constructor(keys: Keys, steps: Steps, settings: ClaimSettings) {
    this.#keys = keys
    this.#steps = steps
    this.#settings = settings
  }

  async claim(id: string, times: ClaimTimes = {}): Promise<Claim<R>> {
    const key = this.#keys.of(id, 'claim')
    const leaseMs = times.lease === undefined ? this.#settings.leaseMs : duration(times.lease, 'lease')
    const keepMs = times.keep === undefined ? this.#settings.keepMs : duration(times.keep, 'keep')
    const mine = pending + randomUUID()
    const { answer, source } = await this.#steps.takeFrom(
      'claim',
      (store) => store.write(key, mine, { ttlMs: leaseMs, onlyIf: 'absent' }),
      () => ({ written: true, before: undefined }),
    )
    if (!answer.written && answer.before !== undefined) return outcomeOf<R>(answer.before)
    return new Work<R>({ steps: this.#steps, key, mine, source, leaseMs, keepMs })
  }

  claimMany(ids: readonly string[], times?: ClaimTimes): Promise<readonly Claim<R>[]> {
    return Promise.all(ids.map((id) => this.claim(id, times)))
  }

  async run(id: string, work: (claim: ClaimedWork<R>) => R | Promise<R>, times?: ClaimTimes): Promise<ClaimedRun<R>> {
    const claim = await this.claim(id, times)
    if (claim.kind === 'done') return { ...claim, ran: false, committed: true }
    if (claim.kind === 'busy') return claim
    const leaseMs = times?.lease === undefined ? this.#settings.leaseMs : duration(times.lease, 'lease')
    // A renewal that fails is tried again; when the lease has ended the commit says so.
    const renewal = this.#settings.timers.every(leaseMs * renewalShare, () => void claim.extend().catch(() => false))
    let result: R
    try {
      result = await work(claim)
    } catch (error) {
      // The lease frees it if this cannot.
      await claim.abandon().catch(() => false)
      throw error
    } finally {
      renewal.cancel()
    }
    // What was done is not lost because that could not be written down.
    const committed = await claim.commit(result).catch(unlessUnavailable)
    return { kind: 'done', result, ran: true, committed }
  }

  async isDone(id: string): Promise<boolean> {
    const key = this.#keys.of(id, 'isDone')
    const held = await this.#steps.take(
      'isDone',
      (store) => store.read(key),
      () => undefined,
    )
    return held?.value.startsWith(done) === true
  }

  async forget(id: string): Promise<boolean> {
    const key = this.#keys.of(id, 'forget')
    return (await this.#steps.take('forget', (store) => store.remove(key))).removed
  }
}

interface WorkParts {
  readonly steps: Steps
  readonly key: string
  readonly mine: string
  readonly source: AnswerSource
  readonly leaseMs: number
  readonly keepMs: number
}

class Work<R> implements ClaimedWork<R> {
  readonly kind = 'claimed'
  readonly #parts: WorkParts

  constructor(parts: WorkParts) {
    this.#parts = parts
  }

  get assumed(): boolean {
    return this.#parts.source !== 'store'
  }

  async commit(result?: R): Promise<boolean> {
    const { key, mine, keepMs } = this.#parts
    const text = result === undefined ? done : done + textOf(result, 'commit')
    const write = (onlyIf: 'absent' | { readonly is: string }): Promise<TextWrite> =>
      this.#step('commit', (store) => store.write(key, text, { ttlMs: keepMs, onlyIf }), noWrite)
    const outcome = await write({ is: mine })
    // The lease has ended and nobody came: it is done all the same.
    if (!outcome.written && outcome.before === undefined) return (await write('absent')).written
    return outcome.written
  }

  async abandon(): Promise<boolean> {
    const { key, mine } = this.#parts
    const { removed } = await this.#step('abandon', (store) => store.remove(key, { is: mine }), noRemoval)
    return removed
  }

  async extend(): Promise<boolean> {
    const { key, mine, leaseMs } = this.#parts
    const step = { ttlMs: leaseMs, onlyIf: { is: mine } }
    return (await this.#step('extend', (store) => store.write(key, mine, step), noWrite)).written
  }

  /** Where it was claimed; what nobody granted may be granted now. */
  #step<T>(operation: string, step: Step<T>, assume: () => T): Promise<T> {
    const { steps, source } = this.#parts
    return source === 'assumed' ? steps.take(operation, step, assume) : steps.follow(source, operation, step)
  }
}

const noWrite = (): TextWrite => ({ written: false, before: { value: '', leftMs: 0 } })
const noRemoval = (): { readonly removed: boolean } => ({ removed: false })

function outcomeOf<R>({ value, leftMs }: HeldText): Claim<R> {
  if (!value.startsWith(done)) return { kind: 'busy', leftMs }
  const text = value.slice(done.length)
  return { kind: 'done', result: text === '' ? undefined : (valueOf(text) as R) }
}

function unlessUnavailable(error: unknown): false {
  if (isUnavailable(error)) return false
  throw error
}
