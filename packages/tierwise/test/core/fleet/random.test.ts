import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { runFleet } from './random/run.ts'
import { commands } from './random/stories.ts'

const runs = Number(process.env['FLEET_RUNS'] ?? 300)

describe('random work of three instances over a shared store', () => {
  // fast-check prints the seed and the shortest run that fails; hand the seed to `fc.assert` to see it again.
  test.each([
    ['', false],
    [', nor where memory hands on what it has no room for', true],
  ])(
    'never answers what was superseded too long ago, and keeps nothing old%s',
    { timeout: 60_000 + runs * 200 },
    async (_, isDemoting) => {
      const property = fc.asyncProperty(commands, async (steps) => {
        expect(await runFleet(steps, { isDemoting })).toEqual([])
      })
      await fc.assert(property, { numRuns: runs })
    },
  )
})
