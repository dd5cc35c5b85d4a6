import { withDeadline } from '../../../base/deadline.ts'
import type { Runtime } from '../../../contract/runtime.ts'
import { TierError, TimeoutError } from '../../../errors.ts'
import type { RedisArgument, RedisPort, RedisReply } from '../port.ts'
import type { CommandCounters } from './command-counters.ts'
import type { CommandLimit } from './command-limit.ts'
import { replyCodeOf } from './reply.ts'

export interface RetrySettings {
  /** The first one included. */
  readonly attempts: number
  readonly initialMs: number
  readonly maxMs: number
}

export interface CommandRunnerParts {
  readonly name: string
  readonly port: RedisPort
  readonly runtime: Runtime
  readonly timeoutMs: number
  readonly retry: RetrySettings
  readonly counters: CommandCounters
  readonly limit: CommandLimit | undefined
}

/** One or more commands that belong to one call; all leave in one tick. */
export interface Call {
  /** The verb of the manager, for messages. */
  readonly operation: string
  readonly commands: readonly { readonly args: readonly RedisArgument[]; readonly key: string }[]
  /** Whether doing it twice is the same as doing it once, whatever happens between. Only reads are. */
  readonly isRead: boolean
}

/** Replies that refuse a command before it has done anything, for a reason that passes. */
const passing = ['LOADING', 'TRYAGAIN', 'CLUSTERDOWN', 'MASTERDOWN', 'READONLY', 'BUSY']

/**
 * Sends commands under one deadline, which includes the retries: nobody waits longer than that.
 *
 * Sent again are commands that have certainly not run (there was no connection, or the server refused for a reason that
 * passes) and reads that were lost with their connection. A write that was lost may have run, so it is never sent again.
 */
export class CommandRunner {
  readonly #parts: CommandRunnerParts

  constructor(parts: CommandRunnerParts) {
    this.#parts = parts
  }

  async run(call: Call): Promise<readonly RedisReply[]> {
    const { name, runtime, timeoutMs, counters, limit } = this.#parts
    const { clock, timers } = runtime
    if (limit?.take(call.commands.length) === false) {
      counters.refused()
      throw limit.refusal(call.operation, name)
    }
    const start = clock.now()
    const work = Promise.all(call.commands.map((command) => this.#attempt(command, call.isRead, start + timeoutMs)))
    try {
      const replies = await withDeadline(work, timeoutMs, { timers, error: () => this.#lateness(call.operation) })
      counters.ended(clock.now() - start, 'done')
      return replies
    } catch (error) {
      const isLate = error instanceof TimeoutError
      counters.ended(clock.now() - start, isLate ? 'late' : 'failed')
      throw isLate ? error : this.#failure(call, error)
    }
  }

  async #attempt(command: Call['commands'][number], isRead: boolean, deadline: number): Promise<RedisReply> {
    const { port, runtime, counters, retry } = this.#parts
    for (let attempt = 1; ; attempt++) {
      const wasConnected = port.isReady
      try {
        return await port.send(command)
      } catch (error) {
        const waitMs = backoffMs(attempt, retry, runtime.random())
        const isSafe = mayRepeat(error, wasConnected, isRead)
        if (!isSafe || attempt >= retry.attempts || runtime.clock.now() + waitMs >= deadline) throw error
        counters.retried()
        await new Promise<void>((resolve) => void runtime.timers.after(waitMs, resolve))
      }
    }
  }

  #lateness(operation: string): TimeoutError {
    const { name: tier, timeoutMs } = this.#parts
    return new TimeoutError(`Redis did not answer ${operation} within ${timeoutMs} ms`, {
      code: 'ERR_CACHE_TIER_TIMEOUT',
      operation,
      tier,
      retryable: true,
    })
  }

  #failure({ operation, isRead }: Call, cause: unknown): TierError {
    const code = replyCodeOf(cause)
    const isPassing = code === undefined || passing.includes(code)
    const why = code === undefined ? 'the connection failed' : `the server answered ${code}`
    return new TierError(`Redis could not do ${operation}: ${why}`, {
      code: isRead ? 'ERR_CACHE_TIER_READ' : 'ERR_CACHE_TIER_WRITE',
      operation,
      tier: this.#parts.name,
      retryable: isPassing,
      cause,
    })
  }
}

function mayRepeat(error: unknown, wasConnected: boolean, isRead: boolean): boolean {
  if (!wasConnected) return true
  const code = replyCodeOf(error)
  return code === undefined ? isRead : passing.includes(code)
}

/** Between half of the step and the whole of it, so that clients that failed together do not return together. */
function backoffMs(attempt: number, { initialMs, maxMs }: RetrySettings, random: number): number {
  const stepMs = Math.min(maxMs, initialMs * 2 ** (attempt - 1))
  return stepMs * (0.5 + random / 2)
}
