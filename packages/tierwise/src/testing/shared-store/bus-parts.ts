import type { Clock, Timers } from '../../contract/runtime.ts'
import type { Link } from './link.ts'
import type { Server } from './server.ts'

/** How often an instance asks how far the store is. */
export const pollMs: number = 1000

/** What the bus of an instance works with. */
export interface SharedBusParts {
  readonly server: Server
  readonly link: Link
  readonly clock: Pick<Clock, 'now'>
  readonly timers: Timers
  readonly maxStalenessMs: number
  readonly onPoll: () => void
}
