import { setImmediate as macrotask, setTimeout as sleep } from 'node:timers/promises'

/** Far longer than anything takes that is not stuck. */
const longestMs = 5000

/** Somebody whose work can be waited for. */
export interface Worker {
  /** Why nothing can be said yet, as while a connection is made again; undefined when there is no reason. */
  readonly unready: string | undefined
  /** Resolves when everything that the server has sent until now was told. */
  hearAll(): Promise<void>
}

/** Knows what is under way between processes and a server. */
export class Activity {
  readonly workers: Set<Worker> = new Set()
  readonly #underWay = new Set<string>()
  #events = 0
  #settledAfter = -1

  /** Something has happened, after which more may: here, or at the server. */
  note(): void {
    this.#events++
  }

  /** Work that somebody else does. */
  async follow<T>(what: string, work: Promise<T>): Promise<T> {
    const name = `${what} ${++this.#events}`
    this.#underWay.add(name)
    try {
      return await work
    } finally {
      this.#underWay.delete(name)
      this.note()
    }
  }

  /** Resolves when nothing is under way and nothing more has come of it. */
  async settle(): Promise<void> {
    const endsAt = performance.now() + longestMs
    for (;;) {
      await macrotask()
      await macrotask()
      const events = this.#events
      const reasons = [...this.#underWay, ...[...this.workers].flatMap(({ unready }) => unready ?? [])]
      if (reasons.length === 0) {
        // Without an event since the last time the server has had no reason to send anything.
        if (events === this.#settledAfter) return
        await Promise.all([...this.workers].map((worker) => worker.hearAll().catch(() => {})))
        await macrotask()
        await macrotask()
        if (events === this.#events) return void (this.#settledAfter = events)
      } else if (performance.now() > endsAt) {
        throw new Error(`Still under way after ${longestMs} ms: ${reasons.join(', ')}`)
      } else if (this.#underWay.size === 0) await sleep(1)
    }
  }
}
