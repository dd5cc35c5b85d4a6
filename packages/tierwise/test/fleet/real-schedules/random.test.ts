import './on-redis.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { command } from '../../core/fleet/random/commands.ts'
import { runFleet } from '../../core/fleet/random/run.ts'

const runs = Number(process.env['FLEET_RUNS'] ?? 15)

// As in core/fleet/random.test.ts, with fewer runs: each takes half a second.
it(
  'random work of three instances never answers what was superseded too long ago, and keeps nothing old',
  { timeout: 60_000 + runs * 2000 },
  async () => {
    const property = fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 60 }), async (commands) => {
      expect(await runFleet(commands)).toEqual([])
    })
    await fc.assert(property, { numRuns: runs })
  },
)
