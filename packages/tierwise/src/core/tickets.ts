import { KeyCounter } from '../base/key-counter.ts'

/** A read that may fill memory or a tier above. Whatever changes its key meanwhile leaves a mark on it. */
export class Ticket {
  readonly key: string
  /** Another open ticket of the key. */
  next: Ticket | undefined = undefined
  #newestChange = 0

  constructor(key: string) {
    this.key = key
  }

  mark(version: number): void {
    if (version > this.#newestChange) this.#newestChange = version
  }

  /** Whether something of this version may still be installed. */
  allows(version: number): boolean {
    // protocol P1 ticket-allows: what a change has made old must not be installed after it
    return version >= this.#newestChange
  }

  /** Whether nothing changed the key since the ticket was opened. */
  get untouched(): boolean {
    // protocol P1 ticket-untouched: a value without a comparable version is old after any change
    return this.#newestChange === 0
  }
}

/**
 * Tickets by key. A ticket is opened *before* the first command whose reply may be stored is sent, and closed after the
 * reply was stored or thrown away; every change of the key marks the tickets that are open. Versions alone are not
 * enough: the newer value that proves a reply old may have been evicted by the time the reply arrives.
 */
export class TicketBook {
  readonly #open = new Map<string, Ticket>()
  readonly #held = new KeyCounter()
  readonly #changing = new Map<string, { version: number; changes: number }>()

  get size(): number {
    return this.#open.size
  }

  open(key: string): Ticket {
    const ticket = new Ticket(key)
    // protocol P1 ticket-held: the source is about to change, or has just done so
    if (this.#held.has(key)) ticket.mark(Infinity)
    // protocol P1 ticket-during-change: a tier that has not heard of the change may still answer
    if (this.#changing.size > 0) ticket.mark(this.#changing.get(key)?.version ?? 0)
    ticket.next = this.#open.get(key)
    this.#open.set(key, ticket)
    return ticket
  }

  /** For the outcome of a change that has begun: marked only by what changes the key besides. */
  openForChange(key: string): Ticket {
    const ticket = new Ticket(key)
    ticket.next = this.#open.get(key)
    this.#open.set(key, ticket)
    return ticket
  }

  isOpen(key: string): boolean {
    return this.#open.has(key)
  }

  close(ticket: Ticket): void {
    const first = this.#open.get(ticket.key)
    if (first === ticket) {
      if (ticket.next === undefined) this.#open.delete(ticket.key)
      else this.#open.set(ticket.key, ticket.next)
      return
    }
    let before = first
    while (before !== undefined && before.next !== ticket) before = before.next
    if (before !== undefined) before.next = ticket.next
  }

  mark(key: string, version: number): void {
    for (let each = this.#open.get(key); each !== undefined; each = each.next) each.mark(version)
  }

  /** Every open ticket of the key but this one. */
  markOthers(own: Ticket, version: number): void {
    for (let each = this.#open.get(own.key); each !== undefined; each = each.next) if (each !== own) each.mark(version)
  }

  markAll(): void {
    for (const first of this.#open.values())
      for (let each: Ticket | undefined = first; each !== undefined; each = each.next) each.mark(Infinity)
  }

  /** From here until `endChange` a ticket is marked from the start: a tier that has not heard yet may still answer. */
  beginChange(key: string, version: number): void {
    this.mark(key, version)
    const under = this.#changing.get(key)
    if (under === undefined) this.#changing.set(key, { version, changes: 1 })
    else {
      under.version = Math.max(under.version, version)
      under.changes++
    }
  }

  endChange(key: string, version: number): void {
    this.mark(key, version)
    const under = this.#changing.get(key)
    if (under !== undefined && --under.changes === 0) this.#changing.delete(key)
  }

  /** Keys that are being read or changed, some of them twice. */
  *keys(): IterableIterator<string> {
    yield* this.#open.keys()
    yield* this.#changing.keys()
  }

  /** While a key is held nothing read for it may be stored. Holds nest. */
  hold(key: string): void {
    this.#held.add(key)
    this.mark(key, Infinity)
  }

  release(key: string): void {
    this.#held.remove(key)
  }

  /** How many guarded writes hold the key. */
  holdsOf(key: string): number {
    return this.#held.countOf(key)
  }

  isHeld(key: string): boolean {
    return this.#held.has(key)
  }
}
