import type { CoordinationStore } from '../../contract/coordination.ts'
import type { TestRunner } from '../conformance/suite.ts'

/** What a test works on: one empty state, and several ways to it. */
export interface CoordinationWorld {
  /** At least two views of the same state, for example two connections; a store without connections is listed twice. */
  readonly handles: readonly CoordinationStore[]
  /** Moves the clock of the store. @default time is the real one, and the tests wait */
  readonly advance?: (ms: number) => Promise<void>
  /** Ends what was made for the test. Handles may have been closed before. */
  stop(): Promise<void>
}

export interface CoordinationConformanceOptions {
  readonly name: string
  /** An empty state for each test. */
  readonly create: () => Promise<CoordinationWorld>
  readonly runner: TestRunner
  /** Texts with U+0000 are refused, instead of held like any other. @default false */
  readonly refusesNul?: boolean
  /** How soon a message is told, in milliseconds of real time. @default 5000 */
  readonly withinMs?: number
  /** Of the random requests. @default another one each time, printed by what fails */
  readonly seed?: number
}
