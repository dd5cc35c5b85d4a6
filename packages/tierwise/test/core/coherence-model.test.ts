import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { stacks } from '../stacks.ts'
import { command } from './model/commands.ts'
import { runModel } from './model/run-model.ts'

const runs = Number(process.env['MODEL_RUNS'] ?? 300)

describe.each(stacks)('random work over $name', (stack) => {
  // fast-check prints the seed and the shortest run that fails; hand the seed to `fc.assert` to see it again.
  test('never answers or keeps anything older than what was confirmed', async () => {
    const property = fc.asyncProperty(
      fc.array(command, { minLength: 5, maxLength: 60 }),
      fc.nat(),
      async (commands, seed) => {
        expect(await runModel(stack, commands, seed)).toEqual([])
      },
    )
    await fc.assert(property, { numRuns: runs })
  })
})
