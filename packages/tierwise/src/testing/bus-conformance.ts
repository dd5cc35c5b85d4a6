import { barrierTests } from './bus-conformance/barriers.ts'
import { BusSession } from './bus-conformance/bus-session.ts'
import { proofTests } from './bus-conformance/proof.ts'
import { startingTests } from './bus-conformance/starting.ts'
import { stoppingTests } from './bus-conformance/stopping.ts'
import type { BusSuite } from './bus-conformance/suite.ts'
import { tellingTests } from './bus-conformance/telling.ts'
import type { BusConformanceOptions } from './bus-conformance/world.ts'

export type { BusConformanceOptions, BusInstance, BusWorld, WantedChange } from './bus-conformance/world.ts'

/**
 * Registers the tests that every bus passes, with the runner it is given.
 *
 * Each test has a world of its own with several instances in this process, on real time; at its end all buses are
 * stopped, and may have left nothing.
 *
 * @example
 * import * as runner from 'node:test'
 * busConformance({ name: 'threads', open: openWorld, runner })
 */
export function busConformance(options: BusConformanceOptions): void {
  const { runner } = options
  const suite: BusSuite = { test: (name, body) => void runner.it(name, () => runTest(options, body)) }
  runner.describe(`bus ${options.name}`, () => {
    for (const [chapter, register] of chapters) runner.describe(chapter, () => register(suite))
  })
}

const chapters: readonly (readonly [string, (suite: BusSuite) => void])[] = [
  ['telling', tellingTests],
  ['proof', proofTests],
  ['starting', startingTests],
  ['stopping', stoppingTests],
  ['barriers', barrierTests],
]

async function runTest(options: BusConformanceOptions, body: (session: BusSession) => Promise<void>): Promise<void> {
  const session = new BusSession(await options.open(), options)
  try {
    await body(session)
  } catch (error) {
    // Why the test failed says more than what it has left.
    await session.close().catch(() => undefined)
    throw error
  }
  await session.close()
}
