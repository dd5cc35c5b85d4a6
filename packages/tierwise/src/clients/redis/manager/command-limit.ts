import type { Clock } from '../../../contract/runtime.ts'
import { TierError } from '../../../errors.ts'

export interface LimitSettings {
  readonly commands: number
  readonly perMs: number
}

/**
 * Holds one process to a number of commands in a time, so that a fault in it cannot take the server from everybody else.
 * A token bucket: it starts full and fills evenly.
 */
export class CommandLimit {
  readonly #settings: LimitSettings
  readonly #clock: Clock
  #left: number
  #countedAt: number

  constructor(settings: LimitSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
    this.#left = settings.commands
    this.#countedAt = clock.now()
  }

  /** Counts commands of one call; all of them, or none when they are too many. */
  take(count: number): boolean {
    const { commands, perMs } = this.#settings
    const now = this.#clock.now()
    this.#left = Math.min(commands, this.#left + ((now - this.#countedAt) * commands) / perMs)
    this.#countedAt = now
    if (this.#left < count) return false
    this.#left -= count
    return true
  }

  refusal(operation: string, tier: string): TierError {
    const { commands, perMs } = this.#settings
    return new TierError(
      `Redis was not asked for ${operation}: this process has used its ${commands} commands in ${perMs} ms. Raise \`rateLimit\` if this is normal for it.`,
      { code: 'ERR_CACHE_TIER_BUSY', operation, tier, retryable: true },
    )
  }
}
