import { localBudgetTests } from './conformance/local-budget.ts'
import { localEntryTests } from './conformance/local-entries.ts'
import { localLifeTests } from './conformance/local-life.ts'
import { LocalSession } from './conformance/local-session.ts'
import type { LocalSuite, LocalTierConformanceOptions } from './conformance/suite.ts'

export type { LocalTierConformanceOptions } from './conformance/suite.ts'

/**
 * Registers the tests that every local tier passes, with the runner it is given. Time is fake, and each test ends with
 * the check that a closed tier leaves no timer.
 */
export function localTierConformance(options: LocalTierConformanceOptions): void {
  const { runner, name } = options
  const suite: LocalSuite = {
    test: (title, body) => void runner.it(title, () => runTest(options, body)),
  }
  runner.describe(`local tier ${name}`, () => {
    runner.describe('entries', () => localEntryTests(suite))
    runner.describe('life', () => localLifeTests(suite))
    runner.describe('budget', () => localBudgetTests(suite))
  })
}

async function runTest(
  options: LocalTierConformanceOptions,
  body: (session: LocalSession) => void | Promise<void>,
): Promise<void> {
  const session = new LocalSession(options.definition())
  try {
    await body(session)
  } finally {
    session.close()
  }
}
