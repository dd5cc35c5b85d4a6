import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { CappedModel, keys, verbs } from './capped-model.ts'
import type { Step } from './capped-model.ts'

const runs = Number(process.env['CAP_RUNS'] ?? 150)

const step: fc.Arbitrary<Step> = fc.record({
  verb: fc.constantFrom(...verbs),
  key: fc.nat({ max: keys.length - 1 }),
  ms: fc.integer({ min: 1, max: 4000 }),
})

describe.each([
  { name: 'over tiers of one process', isShared: false },
  { name: 'over a store that gives versions and leases', isShared: true },
])('a cap $name', ({ isShared }) => {
  test(
    'is not outlived in any tier, by any sequence of verbs, and no quota is exceeded',
    { timeout: 120_000 },
    async () => {
      const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        const model = new CappedModel(isShared)
        try {
          for (const [at, each] of steps.entries()) {
            await model.take(each)
            expect(await model.violations(), `after step ${at}, ${each.verb}`).toEqual([])
          }
        } finally {
          await model.end()
        }
      })
      // fast-check prints the seed and the shortest sequence that fails.
      await fc.assert(property, { numRuns: runs })
    },
  )
})
