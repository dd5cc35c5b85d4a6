import type { RedisPort } from '../../clients/redis/port.ts'
import type { Clock } from '../../contract/runtime.ts'
import { listOf, numberOf } from './replies.ts'

const roundTrips = 3

/**
 * How far the clock of the server is ahead of this process, by the fastest of a few round trips: the error is at most
 * half of it. On a cluster the primary with the lowest address is asked, so that all processes go by the same clock.
 */
export class ServerClock {
  readonly #port: RedisPort
  readonly #clock: Clock
  #offsetMs: number | undefined

  constructor(port: RedisPort, clock: Clock) {
    this.#port = port
    this.#clock = clock
  }

  get offsetMs(): number | undefined {
    return this.#offsetMs
  }

  async measure(): Promise<void> {
    const nodes = (await this.#port.primaries()).toSorted((one, other) => (one.address < other.address ? -1 : 1))
    const [node] = nodes
    if (node === undefined) return
    let fastest = Infinity
    let offset: number | undefined
    for (let count = 0; count < roundTrips; count++) {
      const sentAt = this.#clock.now()
      const [seconds, microseconds] = listOf(await node.send(['TIME'])).map(numberOf)
      const tookMs = this.#clock.now() - sentAt
      if (seconds === undefined || microseconds === undefined || tookMs >= fastest) continue
      fastest = tookMs
      offset = seconds * 1000 + microseconds / 1000 - (sentAt + tookMs / 2)
    }
    this.#offsetMs = offset ?? this.#offsetMs
  }
}
