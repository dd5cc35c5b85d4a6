/**
 * Hammers a few keys of a shared folder with writes and deletions of rising versions, and checks what it reads: a value
 * belongs to its key, and its version is never older than one that this process saw before.
 *
 * Arguments: folder, seed, number of operations. Sends what went wrong, then the acknowledged versions.
 */
import { systemRuntime } from '../../../../src/base/runtime.ts'
import type { Tier } from '../../../../src/contract/tier.ts'
import { TierError } from '../../../../src/errors.ts'
import { seededRandom } from '../../../../src/testing/seeded-random.ts'
import { disk } from '../../../../src/tiers/disk/index.ts'

const [path = '', seed = '1', operations = '1000'] = process.argv.slice(2)
const random = seededRandom(Number(seed))
const tier = disk({ path }).create({
  name: 'disk',
  prefix: 'tw',
  ...systemRuntime(),
  report: (event) => process.send?.({ problem: event }),
})
if (tier.sync) throw new Error('a byte tier was expected')
await tier.open()

const keys = Array.from({ length: 20 }, (_, index) => `tw:1:n:${index}`)
const newest: Record<string, number> = {}

for (let count = 0; count < Number(operations); count++) {
  try {
    await operate(tier)
  } catch (error) {
    // A transaction that the store gives up under pressure says so, and nothing of it is acknowledged.
    if (!(error instanceof TierError) || !error.retryable) throw error
  }
}
await tier.close()
process.send?.({ newest })
process.disconnect?.()

function noteNewest(key: string, version: number): void {
  newest[key] = Math.max(newest[key] ?? 0, version)
}

async function operate(tier: Tier): Promise<void> {
  const key = keys[Math.floor(random() * keys.length)] ?? ''
  // Versions of three processes interleave and never meet.
  const version = 1 + Math.floor(random() * 1_000_000) * 10 + Number(seed)
  const choice = random()
  if (choice < 0.1) {
    await tier.delete([key], version)
    noteNewest(key, version)
  } else if (choice < 0.6) {
    const [outcome] = await tier.set([{ key, version, expiresAt: Infinity, bytes: Buffer.from(`${key}|${version}`) }])
    if (outcome === 'applied') noteNewest(key, version)
    if (outcome === 'superseded' && version > 10_000_010) process.send?.({ problem: `superseded ${version}` })
  } else {
    const [text] = await tier.get([key], (bytes) => Buffer.from(bytes).toString())
    if (text === undefined) return
    const [owner, found] = text.split('|')
    if (owner !== key) process.send?.({ problem: `${key} read ${text}` })
    if (Number(found) < (newest[key] ?? 0))
      process.send?.({ problem: `${key} went back from ${newest[key]} to ${found}` })
    noteNewest(key, Number(found))
  }
}
