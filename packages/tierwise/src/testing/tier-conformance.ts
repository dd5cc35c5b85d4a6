import assert from 'node:assert/strict'

import type { TierCapabilities } from '../contract/tier.ts'
import { basicTests } from './conformance/basic.ts'
import { batchTests } from './conformance/batch.ts'
import { clearTests } from './conformance/clear.ts'
import { closingTests } from './conformance/closing.ts'
import { concurrencyTests } from './conformance/concurrency.ts'
import { durabilityTests } from './conformance/durability.ts'
import { expiryTests } from './conformance/expiry.ts'
import { keyTests } from './conformance/keys.ts'
import { noteTests } from './conformance/notes.ts'
import { scanTests } from './conformance/scan.ts'
import type { TierConformanceOptions, TierSuite } from './conformance/suite.ts'
import { tagTests } from './conformance/tags.ts'
import { TierSession } from './conformance/tier-session.ts'
import { valueTests } from './conformance/values.ts'
import { versionTests } from './conformance/versions.ts'
import { fakeRuntime } from './fake-runtime.ts'

export type { TestRunner, TierConformanceOptions } from './conformance/suite.ts'

/**
 * Registers the tests that every byte tier passes, with the runner it is given.
 *
 * Each test opens the tier on a fresh store, closes it at the end and checks that no timer is left. A capability that is
 * declared is tested, one that is not is tested to be refused clearly.
 *
 * @example
 * import * as runner from 'node:test'
 * tierConformance({ name: 'map', definition: () => mapTier(), runner })
 */
export function tierConformance(options: TierConformanceOptions): void {
  const { runner } = options
  const capabilities = options.capabilities ?? declaredCapabilities(options)
  const suite: TierSuite = {
    options,
    capabilities,
    test: (name, body) => void runner.it(name, () => runTest(options, body)),
  }
  runner.describe(`tier ${options.name}`, () => {
    for (const [chapter, register] of chapters) runner.describe(chapter, () => register(suite))
  })
}

const chapters: readonly (readonly [string, (suite: TierSuite) => void])[] = [
  ['basic operations', basicTests],
  ['batches', batchTests],
  ['keys', keyTests],
  ['values', valueTests],
  ['expiry', expiryTests],
  ['versions', versionTests],
  ['scan', scanTests],
  ['clear', clearTests],
  ['tags', tagTests],
  ['notes', noteTests],
  ['concurrency', concurrencyTests],
  ['closing', closingTests],
  ['sharing and durability', durabilityTests],
]

async function runTest(options: TierConformanceOptions, body: (session: TierSession) => Promise<void>): Promise<void> {
  const session = new TierSession(options)
  try {
    await session.tier.open()
    await body(session)
  } finally {
    await session.closeAll()
  }
}

function declaredCapabilities(options: TierConformanceOptions): TierCapabilities {
  const definition = options.definition()
  const { clock, timers, random } = fakeRuntime()
  const context = { name: definition.name, prefix: 'tw', report: () => {}, clock, timers, random }
  const { capabilities } = definition.create(context)
  assert.ok(capabilities, `the tier ${options.name} declares its capabilities`)
  return capabilities
}
