import { AssertionError } from 'node:assert'

import type { FakeRuntime } from './fake-runtime.ts'

/** Fails when a timer is still pending, and names the lines that started them. @throws AssertionError */
export function checkTimers(runtime: FakeRuntime): void {
  const pending = runtime.pendingTimers
  if (pending.length === 0) return
  const lines = pending.map((timer) => `  ${timer.description}`)
  throw new AssertionError({ message: `${pending.length} timers are still pending:\n${lines.join('\n')}` })
}

/** What has to hold after a test; a check that throws or rejects has found something. */
export interface InvariantChecks {
  add(name: string, check: () => void | Promise<void>): void
  /** Runs all checks, also after a failed one. @throws AssertionError that lists what does not hold */
  run(): Promise<void>
}

/** An empty list of invariants. */
export function invariantChecks(): InvariantChecks {
  const checks: { name: string; check: () => void | Promise<void> }[] = []
  return {
    add: (name, check) => void checks.push({ name, check }),
    run: async () => {
      const broken: string[] = []
      for (const { name, check } of checks) {
        try {
          await check()
        } catch (error) {
          broken.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
      if (broken.length > 0) throw new AssertionError({ message: `Broken invariants\n${broken.join('\n')}` })
    },
  }
}
