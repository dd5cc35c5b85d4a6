/**
 * Writes key after key and tells of each acknowledgement, until it is killed.
 *
 * Arguments: folder, durability, number of writes at a time; with `once` as the fourth it writes ten and stays.
 */
import { systemRuntime } from '../../../../src/base/runtime.ts'
import { disk, type Durability } from '../../../../src/tiers/disk/index.ts'

const [path = '', durability = 'flush', width = '1', mode] = process.argv.slice(2)
const definition = disk({ path, durability: durability as Durability })
const tier = definition.create({ name: 'disk', ...systemRuntime(), prefix: 'tw', report: () => {} })
if (tier.sync) throw new Error('a byte tier was expected')
await tier.open()
process.send?.('open')
for (let version = 1; mode === undefined || version <= 10; version += Number(width)) {
  const versions = Array.from({ length: Number(width) }, (_, index) => version + index)
  const records = versions.map((each) => ({
    key: `tw:1:n:${each}`,
    version: each,
    expiresAt: Infinity,
    // Some of the records need pages of their own.
    bytes: Buffer.alloc(each % 50 === 0 ? 20_000 : 200, `value ${each} `),
  }))
  await tier.set(records)
  for (const each of versions) process.send?.(each)
}
process.send?.('written')
process.channel?.ref()
