import type { RefusalKind } from './refusal.ts'

/** One refusal that has to do with security. Holds no message, key, value or credential. */
export interface RedisSecurityEvent {
  readonly kind: RefusalKind
  /** The first word of the server's reply (`WRONGPASS`) or the code of the failure (`CERT_HAS_EXPIRED`). */
  readonly code: string
  /** What was being done: `connect`, or the name of a command. */
  readonly operation: string
  /** Epoch milliseconds. */
  readonly at: number
}

/** The last events, oldest first, in a fixed number of places. */
export class SecurityEventLog {
  readonly #places: (RedisSecurityEvent | undefined)[]
  #count = 0

  constructor(capacity = 1000) {
    this.#places = Array.from({ length: capacity }, () => undefined)
  }

  /** How many events there were, those that were overwritten included. */
  get count(): number {
    return this.#count
  }

  add(event: RedisSecurityEvent): void {
    this.#places[this.#count % this.#places.length] = event
    this.#count++
  }

  list(): readonly RedisSecurityEvent[] {
    const next = this.#count % this.#places.length
    const inOrder = [...this.#places.slice(next), ...this.#places.slice(0, next)]
    return inOrder.filter((event) => event !== undefined)
  }
}
