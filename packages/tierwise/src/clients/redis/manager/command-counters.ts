import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** What the commands of a manager did since it was created. Commands of a tier that uses its connection are not among them. */
export interface RedisManagerStats {
  /** Calls that have ended. */
  readonly operations: number
  /** Calls that were rejected, timeouts included. */
  readonly failures: number
  /** Calls that took longer than `commandTimeout`. */
  readonly timeouts: number
  /** Attempts beyond the first of a call. */
  readonly retries: number
  /** Calls that were not sent, because `rateLimit` was used up; not among the operations. */
  readonly refused: number
  /** Share of the calls that succeeded; 1 before the first. */
  readonly successRate: number
  /** Milliseconds of a call, its retries included; undefined before the first. */
  readonly latency: RedisLatency | undefined
}

export interface RedisLatency {
  readonly meanMs: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export class CommandCounters {
  /** In microseconds, because a histogram takes whole numbers only. */
  readonly #latency: RecordableHistogram = createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 })
  #operations = 0
  #failures = 0
  #timeouts = 0
  #retries = 0
  #refused = 0

  ended(durationMs: number, outcome: 'done' | 'failed' | 'late'): void {
    this.#operations++
    if (outcome !== 'done') this.#failures++
    if (outcome === 'late') this.#timeouts++
    this.#latency.record(Math.max(1, Math.round(durationMs * 1000)))
  }

  retried(): void {
    this.#retries++
  }

  refused(): void {
    this.#refused++
  }

  snapshot(): RedisManagerStats {
    const operations = this.#operations
    const failures = this.#failures
    return {
      operations,
      failures,
      timeouts: this.#timeouts,
      retries: this.#retries,
      refused: this.#refused,
      successRate: operations === 0 ? 1 : (operations - failures) / operations,
      latency: operations === 0 ? undefined : this.#latencies(),
    }
  }

  #latencies(): RedisLatency {
    const ms = (percentile: number): number => this.#latency.percentile(percentile) / 1000
    return {
      meanMs: this.#latency.mean / 1000,
      p50Ms: ms(50),
      p95Ms: ms(95),
      p99Ms: ms(99),
      maxMs: this.#latency.max / 1000,
    }
  }
}
