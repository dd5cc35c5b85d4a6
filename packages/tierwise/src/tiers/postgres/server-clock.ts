import type { PostgresSession } from '../../clients/postgres/port.ts'
import type { Clock } from '../../contract/runtime.ts'

const roundTrips = 3

/** How far the clock of the server is ahead of this process, by the fastest of a few round trips: the error is at most half of it. */
export class ServerClock {
  readonly #clock: Clock
  #offsetMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get offsetMs(): number | undefined {
    return this.#offsetMs
  }

  async measure(session: PostgresSession): Promise<void> {
    let fastest = Infinity
    for (let count = 0; count < roundTrips; count++) {
      const sentAt = this.#clock.now()
      const [row] = await session.query({
        text: 'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
      })
      const tookMs = this.#clock.now() - sentAt
      if (tookMs >= fastest) continue
      fastest = tookMs
      this.#offsetMs = Number(row?.['now']) - (sentAt + tookMs / 2)
    }
  }
}
