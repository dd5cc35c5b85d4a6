import type { CoordinationSession } from './coordination-session.ts'
import type { CoordinationConformanceOptions } from './world.ts'

/** What a chapter of the coordination suite registers its tests with. */
export interface CoordinationSuite {
  readonly options: CoordinationConformanceOptions
  /** Registers a test with an empty state of its own. */
  readonly test: (name: string, body: (session: CoordinationSession) => Promise<void>) => void
}
