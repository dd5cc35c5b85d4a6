/**
 * Writes and deletes the same keys as its siblings, with versions that overtake each other, and tells its newest attempt
 * at each key. Arguments: port of the server, number of this process, number of processes, seed.
 */
import { systemRuntime } from '../../../../src/base/runtime.ts'
import { seededRandom } from '../../../../src/testing/seeded-random.ts'
import { redis } from '../../../../src/tiers/redis/index.ts'

export interface Attempt {
  readonly key: string
  readonly version: number
  readonly isDeletion: boolean
}

const [port = 0, me = 0, processes = 1, seed = 1] = process.argv.slice(2).map(Number)
const random = seededRandom(seed + me)
const tier = redis({ client: 'ioredis', host: '127.0.0.1', port }).create({
  name: 'redis',
  prefix: 'tw',
  report: () => {},
  ...systemRuntime(),
})
if (tier.sync) throw new Error('a byte tier was expected')
await tier.open()

const newest = new Map<string, Attempt>()
for (let round = 0; round < 60; round++) {
  const work = Array.from({ length: 40 }, () => {
    // Rounds of the processes overlap by far, and no two processes ever use the same version.
    const version = (round * 7 + Math.floor(random() * 200) + 1) * processes + me
    const attempt = { key: `tw:1:p:${Math.floor(random() * 30)}`, version, isDeletion: random() < 0.3 }
    // The later of two own attempts with one version is the one that stays.
    if (version >= (newest.get(attempt.key)?.version ?? 0)) newest.set(attempt.key, attempt)
    const bytes = Buffer.from(`${me}:${version}`)
    return attempt.isDeletion
      ? tier.delete([attempt.key], version)
      : tier.set([{ key: attempt.key, version, bytes, expiresAt: Infinity }])
  })
  await Promise.all(work)
}
await tier.close()
process.send?.([...newest.values()])
process.disconnect?.()
