import type { Random } from '../../contract/runtime.ts'

/** What can happen to messages on their way to one instance. Those that are held come first in everything. */
export interface MessageFaults {
  /** Messages that are under way. */
  readonly held: number
  /** Keeps what comes until `release`. */
  hold(): void
  /** Delivers what is held. */
  release(): void
  /** Loses the next messages. @param count @default 1; `Infinity` until further notice, 0 ends it */
  drop(count?: number): void
  /** Delivers the next messages twice. @param count as `drop` */
  duplicate(count?: number): void
  /** Turns the order of what is held around. */
  reverse(): void
  /** Draws another order of what is held. */
  shuffle(): void
}

/** The messages on their way to one instance, whatever they are. */
export class Inbox<Message> implements MessageFaults {
  /** Nothing arrives while this is set, and what is under way is lost. */
  #isDeaf = false
  readonly #random: Random
  #receive: ((message: Message) => void) | undefined
  #queue: Message[] = []
  #isHolding = false
  #drops = 0
  #duplicates = 0

  constructor(random: Random) {
    this.#random = random
  }

  get held(): number {
    return this.#queue.length
  }

  get isDeaf(): boolean {
    return this.#isDeaf
  }

  set isDeaf(isDeaf: boolean) {
    this.#isDeaf = isDeaf
    this.#queue = []
  }

  subscribe(receive: (message: Message) => void): void {
    this.#receive = receive
  }

  unsubscribe(): void {
    this.#receive = undefined
    this.#queue = []
  }

  push(message: Message): void {
    if (this.#receive === undefined || this.#isDeaf) return
    if (this.#drops > 0) {
      this.#drops--
      return
    }
    this.#queue.push(message)
    if (this.#duplicates > 0) {
      this.#duplicates--
      this.#queue.push(message)
    }
    this.#deliverSoon()
  }

  hold(): void {
    this.#isHolding = true
  }

  release(): void {
    this.#isHolding = false
    this.#deliverSoon()
  }

  drop(count: number = 1): void {
    const dropped = this.#queue.splice(0, count).length
    this.#drops = count - dropped
  }

  duplicate(count: number = 1): void {
    const doubled = this.#queue.splice(0, count)
    this.#duplicates = count - doubled.length
    this.#queue.unshift(...doubled.flatMap((message) => [message, message]))
  }

  reverse(): void {
    this.#queue.reverse()
  }

  shuffle(): void {
    for (let end = this.#queue.length - 1; end > 0; end--) {
      const other = Math.floor(this.#random() * (end + 1))
      const moved = this.#queue[end]!
      this.#queue[end] = this.#queue[other]!
      this.#queue[other] = moved
    }
  }

  #deliverSoon(): void {
    queueMicrotask(() => {
      while (!this.#isHolding && this.#queue.length > 0) this.#receive?.(this.#queue.shift()!)
    })
  }
}
