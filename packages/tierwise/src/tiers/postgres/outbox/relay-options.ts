import {
  boolean,
  duration,
  positiveInteger,
  readOptions,
  shaped,
  type OptionTable,
} from '../../../base/option-reader.ts'
import type { Duration } from '../../../contract/options.ts'

/** What a relay wants an operator to know. No notice carries keys or tags. */
export interface OutboxNotice {
  /**
   * `set-aside`: a row could not be delivered for a reason of its own, `maxAttempts` times, and waits for somebody to look
   * at it. `failed`: the cache or the database could not be reached; it is tried again. `deaf`: wake-ups cannot be heard, so
   * rows are found by looking alone.
   */
  readonly notice: 'set-aside' | 'failed' | 'deaf'
  readonly detail: string
  /** The row that was set aside. */
  readonly row?: { readonly id: string; readonly namespace: string }
  readonly error?: unknown
}

/** How a relay works. */
export interface OutboxRelayOptions {
  /** Rows that are taken at once. @default 100 */
  readonly batchSize?: number
  /** How often the relay looks when nothing wakes it. @default '1s' */
  readonly pollInterval?: Duration
  /** When rows that a relay has taken are taken by others, because it has died. @default '10s' */
  readonly redeliverAfter?: Duration
  /**
   * How often a row is tried that fails for a reason of its own, such as a namespace that nobody has listed. Tries while the
   * cache or the database is down do not count. @default 10
   */
  readonly maxAttempts?: number
  /** Whether to be woken by NOTIFY; `false` behind a pooler in transaction mode. @default true */
  readonly listen?: boolean
  /** Called for what an operator should know. @default nobody is told */
  readonly onNotice?: (notice: OutboxNotice) => void
}

export interface RelaySettings {
  readonly batchSize: number
  readonly pollMs: number
  readonly leaseMs: number
  readonly maxAttempts: number
  readonly listen: boolean
  readonly onNotice: (notice: OutboxNotice) => void
}

interface GivenOptions {
  readonly batchSize: number
  readonly pollInterval: number
  readonly redeliverAfter: number
  readonly maxAttempts: number
  readonly listen: boolean
  readonly onNotice: (notice: OutboxNotice) => void
}

const optionTable: OptionTable<GivenOptions> = {
  batchSize: positiveInteger,
  pollInterval: duration,
  redeliverAfter: duration,
  maxAttempts: positiveInteger,
  listen: boolean,
  onNotice: shaped('a function', (raw): raw is GivenOptions['onNotice'] => typeof raw === 'function'),
}

export function relaySettings(options: OutboxRelayOptions): RelaySettings {
  const given = readOptions(options, 'outbox.relay', optionTable)
  const { batchSize = 100, pollInterval = 1000, redeliverAfter = 10_000, maxAttempts = 10, listen = true } = given
  const onNotice = given.onNotice ?? (() => undefined)
  return { batchSize, pollMs: pollInterval, leaseMs: redeliverAfter, maxAttempts, listen, onNotice }
}
