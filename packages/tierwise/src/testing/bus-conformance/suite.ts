import type { BusSession } from './bus-session.ts'

/** What a chapter of the bus suite registers its tests with. */
export interface BusSuite {
  /** Registers a test with a world of its own. */
  readonly test: (name: string, body: (session: BusSession) => Promise<void>) => void
}
