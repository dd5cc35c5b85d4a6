import { setTimeout as sleep } from 'node:timers/promises'

export interface UntilOptions {
  /** Completes the sentence "... did not happen". */
  readonly what: string
  readonly timeoutMs?: number
  /** Time between two looks. */
  readonly everyMs?: number
  /** Adds what is known about the failure to the error. */
  readonly explain?: () => Promise<string>
}

/**
 * Looks until the condition holds. Waits for other processes, so its time is the real one, and it keeps this process
 * alive.
 */
export async function until(look: () => boolean | Promise<boolean>, options: UntilOptions): Promise<void> {
  const { what, timeoutMs = 20_000, everyMs = 5, explain } = options
  const start = performance.now()
  while (!(await look())) {
    if (performance.now() - start > timeoutMs) {
      throw new Error(`Within ${timeoutMs} ms ${what} did not happen${explain ? `\n${await explain()}` : ''}`)
    }
    await sleep(everyMs)
  }
}
