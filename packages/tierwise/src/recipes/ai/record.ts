import type { ModelUsage } from './statistics.ts'

/** What the cache stores of an answer. */
export interface AnswerRecord {
  readonly kind: 'answer'
  readonly response: unknown
  /** Epoch milliseconds. */
  readonly cachedAt: number
  /** How long the call took. */
  readonly ms: number
  readonly usage?: ModelUsage | undefined
  /** It was read from an older cache. */
  readonly isLegacy?: boolean | undefined
}

/** What the cache stores of a stream. */
export interface StreamRecord {
  readonly kind: 'stream'
  readonly chunks: readonly unknown[]
  /** When each chunk came, in milliseconds after the call. */
  readonly at: readonly number[]
  readonly cachedAt: number
  readonly ms: number
  readonly usage?: ModelUsage | undefined
}
