import type { Timer } from '../../../contract/runtime.ts'
import type { TierContext } from '../../../contract/tier.ts'
import type { ViewRefresher } from './view-refresh.ts'

const shortestPauseMs = 1000
const longestPauseMs = 30_000

/**
 * Keeps a view from getting older than `everyMs`. Every instance looks when the last refresh, by whomever, is that long
 * ago, each a little later by chance; the first one does it, and the others see that it is done.
 */
export class RefreshSchedule {
  readonly #refresher: ViewRefresher
  readonly #everyMs: number
  readonly #context: TierContext
  #timer: Timer | undefined
  #isClosed = false
  #failures = 0

  constructor(refresher: ViewRefresher, everyMs: number, context: TierContext) {
    this.#refresher = refresher
    this.#everyMs = everyMs
    this.#context = context
  }

  start(): void {
    void this.#look()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const pauseMs = await this.#pauseAfterLook()
    if (this.#isClosed) return
    this.#timer = this.#context.timers.after(pauseMs, () => void this.#look())
  }

  async #pauseAfterLook(): Promise<number> {
    const context = this.#context
    const spread = 1 + context.random() / 10
    try {
      const { dueInMs } = await this.#refresher.refreshIfDue(this.#everyMs)
      this.#failures = 0
      return dueInMs === undefined ? this.#pause(longestPauseMs) * spread : dueInMs + this.#everyMs * (spread - 1)
    } catch (error) {
      if (!this.#isClosed) {
        const detail = error instanceof Error ? error.message : String(error)
        context.report({ type: 'tier-notice', tier: context.name, notice: 'view-refresh-failed', detail })
      }
      return this.#pause(shortestPauseMs * 2 ** this.#failures++) * spread
    }
  }

  #pause(ms: number): number {
    return Math.min(ms, longestPauseMs, this.#everyMs)
  }
}
