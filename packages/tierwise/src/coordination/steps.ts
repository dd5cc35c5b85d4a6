import type { CoordinationStore } from '../contract/coordination.ts'
import { isUnavailable, type Step, type StoreGuard } from './store-guard.ts'

/** What a primitive answers when its store cannot be asked. */
export type CoordinationFailure = 'closed' | 'open' | 'local'

/** Where an answer came from: the store, this process instead of it, or nobody. */
export type AnswerSource = 'store' | 'local' | 'assumed'

/** What became of the steps of a primitive since the start. */
export interface StepCounts {
  /** Steps that were to be taken. */
  readonly calls: number
  /** The store could not be asked. */
  readonly unavailable: number
  /** Answered in this process instead. */
  readonly local: number
  /** Answered as if it were allowed. */
  readonly assumed: number
}

/** Counts that go on. */
export type StepTally = { -readonly [K in keyof StepCounts]: number }

/** An answer that did not come from the store. */
export interface DegradedStep {
  readonly operation: string
  readonly failure: CoordinationFailure
  readonly error: unknown
}

export interface StepsParts {
  readonly guard: StoreGuard
  /** Stands in with `local`. */
  readonly local: () => CoordinationStore
  readonly failure: CoordinationFailure
  readonly onDegraded: (step: DegradedStep) => void
  /** Shared by all of one kind and name. */
  readonly tally: StepTally
}

/** The steps of one primitive, and what it does when the store cannot be asked. */
export class Steps {
  readonly #parts: StepsParts

  constructor(parts: StepsParts) {
    this.#parts = parts
  }

  /** @throws TierError ERR_CACHE_UNAVAILABLE with `closed`, or with `open` when there is nothing to assume */
  async take<T>(operation: string, step: Step<T>, assume?: () => T): Promise<T> {
    return (await this.takeFrom(operation, step, assume)).answer
  }

  /** As `take`, with where the answer came from. */
  async takeFrom<T>(
    operation: string,
    step: Step<T>,
    assume?: () => T,
  ): Promise<{ readonly answer: T; readonly source: AnswerSource }> {
    this.#parts.tally.calls++
    try {
      return { answer: await this.#parts.guard.run(operation, step), source: 'store' }
    } catch (error) {
      if (!isUnavailable(error)) throw error
      return this.#stepBack(operation, { step, assume, error })
    }
  }

  /** A further step for what came from there. */
  async follow<T>(source: 'store' | 'local', operation: string, step: Step<T>): Promise<T> {
    return source === 'local' ? step(this.#parts.local(), true) : this.#parts.guard.run(operation, step)
  }

  async #stepBack<T>(
    operation: string,
    {
      step,
      assume,
      error,
    }: { readonly step: Step<T>; readonly assume: (() => T) | undefined; readonly error: unknown },
  ): Promise<{ readonly answer: T; readonly source: AnswerSource }> {
    const { failure, local, onDegraded } = this.#parts
    this.#parts.tally.unavailable++
    onDegraded({ operation, failure, error })
    if (failure === 'local') {
      this.#parts.tally.local++
      return { answer: await step(local(), true), source: 'local' }
    }
    if (failure === 'closed' || assume === undefined) throw error
    this.#parts.tally.assumed++
    return { answer: assume(), source: 'assumed' }
  }
}
