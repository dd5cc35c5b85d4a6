/**
 * Opens damaged copies of a database, one after the other, reads and writes everything, and tells what it saw.
 *
 * Arguments: folder of the sound copy, scratch folder, first seed, number of seeds, `flip` or `cut`. For each seed it
 * sends the seed before it starts, so that a crash of the process can be told, and afterwards what happened.
 */
import { cpSync, openSync, closeSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { TierEvent } from '../../../../src/contract/events.ts'
import { systemRuntime } from '../../../../src/base/runtime.ts'
import { seededRandom } from '../../../../src/testing/seeded-random.ts'
import { disk } from '../../../../src/tiers/disk/index.ts'

const [sound = '', scratch = '', firstSeed = '1', seeds = '1', kind = 'flip'] = process.argv.slice(2)
const keys = Array.from({ length: 400 }, (_, index) => `tw:1:n:${index}`)

for (let seed = Number(firstSeed); seed < Number(firstSeed) + Number(seeds); seed++) {
  process.send?.({ seed })
  const path = join(scratch, `damaged-${seed}`)
  cpSync(sound, path, { recursive: true })
  damage(join(path, 'data.mdb'), seededRandom(seed))
  process.send?.({ seed, ...(await survive(path)) })
  rmSync(path, { recursive: true })
}
process.disconnect?.()

function damage(file: string, random: () => number): void {
  const { size } = statSync(file)
  if (kind === 'cut') return truncateSync(file, Math.floor(random() * size))
  const bytes = readFileSync(file)
  const handle = openSync(file, 'r+')
  const flips = 1 + Math.floor(random() * 8)
  for (let count = 0; count < flips; count++) {
    // Half of the flips go where pages keep their structure.
    const page = Math.floor(random() * (size / 4096)) * 4096
    const at = page + Math.floor(random() * (random() < 0.5 ? 48 : 4096))
    writeSync(handle, Buffer.of((bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))), 0, 1, at)
  }
  closeSync(handle)
}

async function survive(
  path: string,
): Promise<{ wrong: string[]; found: number; notices: string[]; badRecords: number }> {
  const events: TierEvent[] = []
  const tier = disk({ path }).create({
    name: 'disk',
    prefix: 'tw',
    ...systemRuntime(),
    report: (event) => void events.push(event),
  })
  if (tier.sync) throw new Error('a byte tier was expected')
  await tier.open()
  const wrong: string[] = []
  const check = (bytes: Uint8Array, key: string | undefined): string | undefined => {
    const frame = Buffer.from(bytes)
    if (frame.length < 4 || crc32(frame.subarray(4)) !== frame.readUInt32LE(0)) return undefined
    const [owner = '', text] = frame.toString('utf8', 4).split('|')
    // The engine refuses a frame that carries another key, so here it is a miss as well.
    if (key !== undefined && owner !== key) return undefined
    if (text?.startsWith(`value of ${owner} `) !== true) wrong.push(frame.toString())
    return owner
  }
  const found = (await tier.get(keys, (bytes, index) => check(bytes, keys[index]))).filter(
    (key) => key !== undefined,
  ).length
  const scanned: string[] = []
  for await (const key of tier.scan('tw:', (bytes) => check(bytes, undefined))) scanned.push(key)
  if (new Set(scanned).size !== scanned.length) wrong.push('a key was visited twice')
  await tier.set(
    keys.slice(0, 200).map((key) => ({ key, version: 2 ** 50, expiresAt: Infinity, bytes: Buffer.from('new') })),
  )
  await tier.delete(keys.slice(200), 2 ** 50)
  const left = (await tier.get(keys, (bytes) => Buffer.from(bytes).toString())).filter((text) => text !== undefined)
  if (left.some((text) => text !== 'new')) wrong.push('a deleted record is back')
  await tier.close()
  const notices = events.flatMap((event) => (event.type === 'tier-notice' ? [event.notice] : []))
  return { wrong, found, notices, badRecords: events.filter(({ type }) => type === 'bad-record').length }
}
