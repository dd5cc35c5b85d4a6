import { numberOf, type RedisInfo } from './info.ts'
import type { RedisNodeHealth } from './node-health.ts'

interface Baseline {
  readonly runId: string | undefined
  readonly takenAt: number
  readonly counters: RedisNodeHealth['lookups']
}

/**
 * Turns the counters of a server, which count since it started, into what happened lately.
 *
 * A check compares with the reading that began the window. A window ends when it has lasted `windowMs`, so that frequent
 * checks on demand do not cut it into pieces too small to judge.
 */
export class LookupWindow {
  readonly #windowMs: number
  readonly #baselines = new Map<string, Baseline>()

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** What happened since the window began: nothing on the first reading, everything since the start after a restart. */
  since(address: string, info: RedisInfo, now: number): { lookups: RedisNodeHealth['lookups']; restarted: boolean } {
    const runId = info.get('run_id')
    const counters = countersOf(info)
    const before = this.#baselines.get(address)
    const restarted = before?.runId !== undefined && runId !== undefined && before.runId !== runId
    // CONFIG RESETSTAT sets the counters back without a restart.
    const isReset = restarted || (before !== undefined && isLess(counters, before.counters))
    // A timer may fire a little early against the window it belongs to.
    const isOver = before === undefined || now - before.takenAt >= this.#windowMs * 0.9
    if (isOver || isReset) this.#baselines.set(address, { runId, takenAt: now, counters })
    const base = before === undefined ? counters : isReset ? none : before.counters
    return { lookups: subtract(counters, base), restarted }
  }

  /** Drops the servers that are no longer part of the deployment. */
  keep(addresses: readonly string[]): void {
    const kept = new Set(addresses)
    for (const address of this.#baselines.keys()) if (!kept.has(address)) this.#baselines.delete(address)
  }
}

const none: RedisNodeHealth['lookups'] = { hits: 0, misses: 0, evicted: 0 }

function countersOf(info: RedisInfo): RedisNodeHealth['lookups'] {
  return {
    hits: numberOf(info, 'keyspace_hits') ?? 0,
    misses: numberOf(info, 'keyspace_misses') ?? 0,
    evicted: numberOf(info, 'evicted_keys') ?? 0,
  }
}

function isLess(now: RedisNodeHealth['lookups'], before: RedisNodeHealth['lookups']): boolean {
  return now.hits < before.hits || now.misses < before.misses || now.evicted < before.evicted
}

function subtract(now: RedisNodeHealth['lookups'], before: RedisNodeHealth['lookups']): RedisNodeHealth['lookups'] {
  return { hits: now.hits - before.hits, misses: now.misses - before.misses, evicted: now.evicted - before.evicted }
}
