import { channelTests } from './coordination-conformance/channels.ts'
import { closingTests } from './coordination-conformance/closing.ts'
import { CoordinationSession } from './coordination-conformance/coordination-session.ts'
import { endingTests } from './coordination-conformance/endings.ts'
import { fieldTests } from './coordination-conformance/fields.ts'
import { keyTests } from './coordination-conformance/keys.ts'
import { kindTests } from './coordination-conformance/kinds.ts'
import { limitRunTests } from './coordination-conformance/limit-runs.ts'
import { limitTests } from './coordination-conformance/limits.ts'
import { lineTests } from './coordination-conformance/lines.ts'
import { numberTests } from './coordination-conformance/numbers.ts'
import { raceTests } from './coordination-conformance/races.ts'
import { rankedTests } from './coordination-conformance/ranked.ts'
import { setTests } from './coordination-conformance/sets.ts'
import type { CoordinationSuite } from './coordination-conformance/suite.ts'
import { tenureTests } from './coordination-conformance/tenures.ts'
import { textTests } from './coordination-conformance/texts.ts'
import type { CoordinationConformanceOptions } from './coordination-conformance/world.ts'

export type { CoordinationConformanceOptions, CoordinationWorld } from './coordination-conformance/world.ts'

/**
 * Registers the tests that every coordination store passes, with the runner it is given.
 *
 * Each test has an empty state of its own and at least two handles on it. Time is that of the store: it is moved where the
 * world can do so, else the tests wait some tens of milliseconds.
 *
 * @example
 * import * as runner from 'node:test'
 * coordinationConformance({ name: 'mine', create: openWorld, runner })
 */
export function coordinationConformance(options: CoordinationConformanceOptions): void {
  const { runner } = options
  const suite: CoordinationSuite = { options, test: (name, body) => void runner.it(name, () => runTest(options, body)) }
  runner.describe(`coordination store ${options.name}`, () => {
    for (const [chapter, register] of chapters) runner.describe(chapter, () => register(suite))
  })
}

const chapters: readonly (readonly [string, (suite: CoordinationSuite) => void])[] = [
  ['texts', textTests],
  ['numbers', numberTests],
  ['sets', setTests],
  ['fields', fieldTests],
  ['ranked lists', rankedTests],
  ['tenures', tenureTests],
  ['lines', lineTests],
  ['limits', limitTests],
  ['random requests', limitRunTests],
  ['channels', channelTests],
  ['kinds', kindTests],
  ['endings', endingTests],
  ['keys', keyTests],
  ['races', raceTests],
  ['closing', closingTests],
]

async function runTest(
  options: CoordinationConformanceOptions,
  body: (session: CoordinationSession) => Promise<void>,
): Promise<void> {
  const world = await options.create()
  try {
    await body(new CoordinationSession(world, options))
  } finally {
    await world.stop()
  }
}
