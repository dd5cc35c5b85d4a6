import type { Clock, Timer, Timers } from '../contract/runtime.ts'

/** Far below what a timer can tell apart; sums of times differ by less. */
const slackMs = 0.001

/**
 * Timers for what nearly always ends before its time, as the deadlines of operations do. All that wait equally long share
 * one timer, so starting and cancelling are changes of a list and no work for the event loop. The shared timer runs on
 * when nothing waits any more, and finds that out when it fires.
 */
export class SharedTimers implements Pick<Timers, 'after'> {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #queues = new Map<number, Queue>()
  #isClosed = false

  constructor({ clock, timers }: { readonly clock: Clock; readonly timers: Timers }) {
    this.#clock = clock
    this.#timers = timers
  }

  after(ms: number, run: () => void): Timer {
    if (ms <= 0) return this.#timers.after(ms, run)
    let queue = this.#queues.get(ms)
    if (queue === undefined) {
      queue = new Queue(this.#clock, this.#timers)
      if (this.#isClosed) queue.close()
      this.#queues.set(ms, queue)
    }
    return queue.add(ms, run)
  }

  /** From here on no timer runs that nothing waits for. */
  close(): void {
    this.#isClosed = true
    for (const queue of this.#queues.values()) queue.close()
  }
}

/** Those that wait equally long end in the order they began: the first of the list is always the next. */
class Queue {
  readonly #clock: Clock
  readonly #timers: Timers
  #timer: Timer | undefined
  #isClosed = false
  #first: Waiting | undefined
  #last: Waiting | undefined

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock
    this.#timers = timers
  }

  add(ms: number, run: () => void): Timer {
    const waiting = new Waiting(this, this.#clock.now() + ms, run)
    waiting.before = this.#last
    if (this.#last === undefined) this.#first = waiting
    else this.#last.next = waiting
    this.#last = waiting
    this.#timer ??= this.#timers.after(ms, this.#fire)
    return waiting
  }

  remove(waiting: Waiting): void {
    const { before, next } = waiting
    if (before === undefined) this.#first = next
    else before.next = next
    if (next === undefined) this.#last = before
    else next.before = before
    waiting.before = undefined
    waiting.next = undefined
    if (this.#isClosed) this.close()
  }

  close(): void {
    this.#isClosed = true
    if (this.#first !== undefined) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #fire = (): void => {
    this.#timer = undefined
    const due = this.#clock.now() + slackMs
    for (let first = this.#first; first !== undefined && first.endsAt <= due; first = this.#first) first.end()
    // What ran may have started another one.
    if (this.#first !== undefined)
      this.#timer ??= this.#timers.after(this.#first.endsAt - this.#clock.now(), this.#fire)
  }
}

class Waiting implements Timer {
  readonly endsAt: number
  before: Waiting | undefined = undefined
  next: Waiting | undefined = undefined
  readonly #run: () => void
  #queue: Queue | undefined

  constructor(queue: Queue, endsAt: number, run: () => void) {
    this.#queue = queue
    this.endsAt = endsAt
    this.#run = run
  }

  end(): void {
    this.cancel()
    this.#run()
  }

  cancel(): void {
    this.#queue?.remove(this)
    this.#queue = undefined
  }
}
