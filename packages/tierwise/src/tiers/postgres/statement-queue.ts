/** One thing that waits to be part of a statement, and who waits for it. */
interface Waiting<I, O> {
  readonly items: readonly I[]
  readonly resolve: (results: readonly O[]) => void
  readonly reject: (reason: unknown) => void
}

export interface StatementQueueOptions<I, O> {
  /** Runs one statement for all items; one result an item, in order. */
  readonly run: (items: readonly I[]) => Promise<readonly O[]>
  /** Statements that run at the same time. */
  readonly atOnce: number
  /** Items and bytes of one statement; a statement has at least one item. */
  readonly most: { readonly items: number; readonly bytes: number }
  readonly bytesOf: (item: I) => number
}

/**
 * Collects what is asked for in one tick, by any caller, into as few statements as the bounds allow. While as many
 * statements as allowed are under way, what comes waits and grows together.
 */
export class StatementQueue<I, O> {
  readonly #options: StatementQueueOptions<I, O>
  #waiting: Waiting<I, O>[] = []
  #isScheduled = false
  #running = 0
  #onIdle: (() => void)[] = []

  constructor(options: StatementQueueOptions<I, O>) {
    this.#options = options
  }

  add(items: readonly I[]): Promise<readonly O[]> {
    if (items.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, resolve, reject })
      this.#schedule()
    })
  }

  /** Resolves once nothing waits or runs. */
  drain(): Promise<void> {
    if (this.#running === 0 && this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#onIdle.push(resolve))
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    // The callback of `nextTick` that is asked for in a microtask runs after all microtasks, so callers that are a few
    // awaits behind are still in time.
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#isScheduled = false
        this.#start()
      }),
    )
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#running < this.#options.atOnce) void this.#runBatch(this.#takeBatch())
    if (this.#running > 0 || this.#waiting.length > 0) return
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  /** The callers at the front that fit into one statement; the first one always does, and is cut into several. */
  #takeBatch(): readonly Waiting<I, O>[] {
    let count = 0
    let items = 0
    let bytes = 0
    for (const waiting of this.#waiting) {
      items += waiting.items.length
      for (const item of waiting.items) bytes += this.#options.bytesOf(item)
      if (count > 0 && (items > this.#options.most.items || bytes > this.#options.most.bytes)) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #runBatch(batch: readonly Waiting<I, O>[]): Promise<void> {
    this.#running++
    try {
      const results: O[] = []
      for (const statement of this.#statementsOf(batch.flatMap(({ items }) => items))) {
        results.push(...(await this.#options.run(statement)))
      }
      let from = 0
      for (const { items, resolve } of batch) resolve(results.slice(from, (from += items.length)))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      this.#running--
      this.#start()
    }
  }

  *#statementsOf(items: readonly I[]): Generator<readonly I[]> {
    const { most, bytesOf } = this.#options
    let statement: I[] = []
    let bytes = 0
    for (const item of items) {
      const size = bytesOf(item)
      if (statement.length > 0 && (statement.length === most.items || bytes + size > most.bytes)) {
        yield statement
        statement = []
        bytes = 0
      }
      statement.push(item)
      bytes += size
    }
    if (statement.length > 0) yield statement
  }
}
