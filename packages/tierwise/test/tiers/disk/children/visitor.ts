/** Opens the folder, uses the tier, closes it, and does nothing to end the process. Argument: folder. */
import { systemRuntime } from '../../../../src/base/runtime.ts'
import { disk } from '../../../../src/tiers/disk/index.ts'

const [path = ''] = process.argv.slice(2)
const tier = disk({ path }).create({ name: 'disk', ...systemRuntime(), prefix: 'tw', report: () => {} })
if (tier.sync) throw new Error('a byte tier was expected')
await tier.open()
await tier.set([{ key: 'tw:1:n:a', version: 1, expiresAt: Infinity, bytes: Buffer.from('value') }])
await tier.get(['tw:1:n:a'], (bytes) => bytes.length)
await tier.close()
process.disconnect?.()
