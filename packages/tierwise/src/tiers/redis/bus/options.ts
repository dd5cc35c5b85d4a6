import type { RedisPort } from '../../../clients/redis/port.ts'
import type { BusChange } from '../../../contract/bus.ts'
import type { Runtime } from '../../../contract/runtime.ts'
import type { KeyLayout } from '../key-layout.ts'

export interface RedisBusOptions {
  /** Reads at the primaries, and makes the connections that listen. Neither opened nor closed here. */
  readonly port: RedisPort
  readonly layout: KeyLayout
  /** First part of every storage key of the manager. */
  readonly prefix: string
  /** Name of this instance, which no other one and no earlier life of this one has; its own changes carry it. */
  readonly instance: string
  /** How changes are announced; the same for everybody who shares the server. */
  readonly publish: 'PUBLISH' | 'SPUBLISH'
  readonly runtime: Runtime
  /** Is given the latest changes of a lane when the server turns out to have lost changes: they may have to be made again. */
  readonly repair: (changes: readonly BusChange[]) => void
  /** Beginnings of names in Redis. Changes of such keys are told whoever makes them, as `touched`. @default none */
  readonly tracking?: readonly string[]
  /** After so long without a confirmation an instance serves nothing from memory; the same for all instances. @default 5000 */
  readonly maxStalenessMs?: number
  /** How often everything is confirmed. @default 1000 */
  readonly intervalMs?: number
  /** Hears what failed and is tried again. */
  readonly onFailure?: (reason: unknown) => void
}

/** The options with nothing left open. */
export interface ResolvedBusOptions extends Required<RedisBusOptions> {
  /** Others take an instance that has written nothing for so long for one that serves nothing. */
  readonly lapseMs: number
  readonly replyTimeoutMs: number
}

const defaults = { tracking: [], maxStalenessMs: 5000, intervalMs: 1000, onFailure: () => {} }

export function resolveBusOptions(options: RedisBusOptions): ResolvedBusOptions {
  const full = { ...defaults, ...options }
  const { maxStalenessMs, intervalMs } = full
  return { ...full, lapseMs: maxStalenessMs + intervalMs, replyTimeoutMs: Math.max(1000, intervalMs) }
}
