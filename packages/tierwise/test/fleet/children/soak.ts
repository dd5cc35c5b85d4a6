/** Lets fleets work in trouble for as long as was asked, and tells what was wrong. See `scripts/soak.mjs`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Fleet } from '../fleet.ts'
import type { Variant } from '../servers.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    processes: { type: 'string', default: '4' },
    keys: { type: 'string', default: '64' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    variant: { type: 'string', default: 'single' },
  },
})
/** Each round begins with new servers and a new seed. */
const longestRoundMs = 5 * 60_000

const endsAt = performance.now() + Number(values.minutes) * 60_000
let operations = 0
for (let seed = Number(values.seed); performance.now() < endsAt; seed++) {
  const folder = mkdtempSync(join(tmpdir(), 'tierwise-fleet-'))
  const fleet = await Fleet.start({
    variant: values.variant as Variant,
    seed,
    processes: Number(values.processes),
    keys: Number(values.keys),
    forMs: Math.min(longestRoundMs, endsAt - performance.now()),
    program: join(import.meta.dirname, 'member.mjs'),
    folder,
  })
  try {
    const outcome = await fleet.run()
    operations += outcome.operations
    console.log(outcome.summary)
    if (outcome.violations.length > 0) {
      console.log(outcome.violations.join('\n\n'))
      process.exitCode = 1
      break
    }
  } finally {
    await fleet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
console.log(`${operations} operations`)
// Sockets that were reset can keep Node busy for ever when it ends by itself.
process.exit()
