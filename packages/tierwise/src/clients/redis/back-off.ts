import type { Random } from '../../contract/runtime.ts'
import type { Backoff } from './connection.ts'

/** Milliseconds to wait before attempt number `attempt`, counted from 1: doubling, bounded, partly random. */
export function backoffDelay(backoff: Backoff, attempt: number, random: Random): number {
  const doublings = Math.min(Math.max(attempt, 1) - 1, 30)
  const full = Math.min(backoff.initialMs * 2 ** doublings, backoff.maxMs)
  return Math.max(1, Math.round(full * (1 - backoff.jitter * random())))
}
