import type { LimitRule } from '../../../src/contract/coordination.ts'

const hourMs = 3_600_000

/** One of each kind, of which nothing comes back during a test. */
export const limits: readonly LimitRule[] = [
  { kind: 'bucket', capacity: 500, limit: 1, periodMs: 24 * hourMs },
  { kind: 'fixed-window', limit: 500, periodMs: 24 * hourMs },
  { kind: 'sliding-window', limit: 500, periodMs: 24 * hourMs },
]

/** What a process got of what all of them race for. */
export type Got = Readonly<Record<LimitRule['kind'] | 'nonces' | 'tenures', number>>
