import type { Exploration } from './explorer.ts'

/** A small cast that is explored exhaustively. */
export interface Scenario<R> {
  readonly name: string
  /** Explored only with `MODEL_DEEP=1`, because it takes longer than a test should. */
  readonly deep?: boolean
  explore(rules: R): Exploration
}

/** A protocol with one line missing. */
export interface Weakening<R> {
  readonly name: string
  readonly rules: Partial<R>
  /** The scenario that shows what goes wrong. */
  readonly scenario: string
}

/** What is claimed of one part of the protocol: nothing goes wrong with all rules, something does without each. */
export interface Proof<R> {
  readonly name: string
  readonly rules: R
  readonly scenarios: readonly Scenario<R>[]
  readonly weakenings: readonly Weakening<R>[]
}
