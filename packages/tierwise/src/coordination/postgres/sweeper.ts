import type { PostgresSession } from '../../clients/postgres/port.ts'
import type { Runtime, Timer } from '../../contract/runtime.ts'
import type { CoordinationNames } from './names.ts'

const pagesPerStatement = 256
const rowsPerStatement = 200
/** Statements of one sweep that look at new pages: 128 MB of them. */
const stretchesPerSweep = 64

export interface SweeperOptions {
  readonly session: PostgresSession
  readonly names: CoordinationNames
  readonly runtime: Pick<Runtime, 'timers' | 'random'>
  readonly rhythmMs: number
}

/**
 * Removes what has ended, in small statements that wait for nobody. It is absent for every step all along, so nothing depends
 * on when the sweep comes by: a failure needs no more than the next one.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(options: SweeperOptions) {
    this.#options = options
  }

  start(): void {
    const { runtime, rhythmMs } = this.#options
    this.#timer = runtime.timers.after(rhythmMs * (0.5 + runtime.random()), () => {
      this.#running = this.#sweep()
        .catch(() => undefined)
        .finally(() => {
          if (!this.#isStopped) this.start()
        })
    })
  }

  /** Resolves when what was under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#running
  }

  async #sweep(): Promise<void> {
    await this.#walk('keys')
    await this.#walk('members')
  }

  async #walk(table: 'keys' | 'members'): Promise<void> {
    const { session, names, rhythmMs } = this.#options
    const [turn] = await session.query({
      text: `select * from ${names.fn('claim_sweep')}($1::text, $2::bigint)`,
      values: [table, Math.ceil(rhythmMs)],
    })
    const pages = Number(turn?.['pages'] ?? 0)
    const stretches = Math.min(stretchesPerSweep, Math.ceil(pages / pagesPerStatement))
    let page = Number(turn?.['first_page'] ?? 0)
    for (let count = 0; count < stretches && !this.#isStopped; count++) {
      if (page >= pages) page = 0
      await this.#clean(table, page)
      page += pagesPerStatement
    }
    if (stretches === 0) return
    await session.query({
      text: `update ${names.sweeps} set page = $1::bigint where name = $2::text`,
      values: [page, table],
    })
  }

  /** Removes all there is to remove in a stretch of pages. */
  async #clean(table: 'keys' | 'members', page: number): Promise<void> {
    const { session, names } = this.#options
    for (;;) {
      const [row] = await session.query({
        text: `select ${names.fn(`sweep_${table}`)}($1::text, $2::text, $3::int) as removed`,
        values: [`(${page},0)`, `(${page + pagesPerStatement},0)`, rowsPerStatement],
      })
      if (Number(row?.['removed']) < rowsPerStatement || this.#isStopped) return
    }
  }
}
