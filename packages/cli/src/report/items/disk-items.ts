import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { textOption } from '../../configuration.ts'
import type { ConfiguredTier, ExaminationContext } from '../../doctor/configured-tier.ts'
import { CommandFailure } from '../../failure.ts'
import { readFrameHead } from '../frame-head.ts'
import type { Library } from '../../library.ts'
import type { ItemSource, StoredItem } from '../stored-item.ts'

/** In front of each frame: checksum, layout, version, end, instant of writing, generation, bytes of the key. */
const at = { layout: 4, endsAt: 16, keyBytes: 36, key: 40 } as const
const layout = 1

interface Store {
  getRange(options: object): Iterable<{ readonly key: Uint8Array; readonly value: Buffer }>
}

interface Environment {
  openDB(options: object): Store | undefined
  close(): Promise<void>
}

interface DiskModule {
  readonly findDiskDamage: (path: string) => Promise<string | undefined>
}

interface LmdbModule {
  readonly open: (options: object) => Environment
}

/** LMDB itself keeps a database that is opened this way from being written. */
export async function openDiskItems(
  tier: ConfiguredTier,
  { library, cwd, configuration }: ExaminationContext,
): Promise<ItemSource> {
  const place = resolve(cwd, textOption(tier.options, 'path', '.cache/tierwise'))
  const path = join(place, 'data.mdb')
  if (!existsSync(path)) return { place, items: nothing, close: async () => {} }
  const lmdb = await library.client<LmdbModule>('lmdb')
  if (lmdb === undefined) throw new CommandFailure('The package lmdb is not installed', { hint: 'npm install lmdb' })
  await refuseDamage(place, library)
  const environment = lmdb.open({ path, noSubdir: true, maxDbs: 8, readOnly: true })
  const entries = environment.openDB({ name: 'entries', encoding: 'binary', keyEncoding: 'binary' })
  return {
    place,
    items: () => itemsOf(entries, `${configuration.prefix ?? 'tw'}:`),
    close: () => environment.close(),
  }
}

/** A process that writes meanwhile can make a sound database look damaged. */
const looks = 3

/** LMDB ends a process that opens a damaged database. */
async function refuseDamage(place: string, library: Library): Promise<void> {
  const { findDiskDamage } = await library.tierwise<DiskModule>('tierwise/disk')
  let damage: string | undefined
  for (let look = 0; look < looks; look++) {
    damage = await findDiskDamage(place)
    if (damage === undefined) return
  }
  throw new CommandFailure(`The database in ${place} cannot be read: ${damage}`, {
    hint: 'The next application that opens it starts an empty one and moves this one aside.',
  })
}

async function* nothing(): AsyncIterable<StoredItem> {}

/** A key range of LMDB finds all keys of a prefix, those that are stored as a hash included. */
async function* itemsOf(entries: Store | undefined, prefix: string): AsyncIterable<StoredItem> {
  if (entries === undefined) return
  const start = Buffer.from(prefix)
  const end = Buffer.from(`${prefix.slice(0, -1)};`)
  for (const { key, value } of entries.getRange({ start, end, snapshot: false })) yield itemOf(key, value)
}

function itemOf(key: Uint8Array, record: Buffer): StoredItem {
  const storageKey = Buffer.from(key).toString('utf8')
  const storedBytes = record.length
  if (record.length < at.key || record[at.layout] !== layout) return { kind: 'foreign', storageKey, storedBytes }
  const head = readFrameHead(record.subarray(at.key + record.readUInt32LE(at.keyBytes)))
  if (head === undefined) return { kind: 'damaged', storageKey, storedBytes }
  const endsAt = Math.min(head.usableUntil, record.readDoubleLE(at.endsAt))
  const { createdAt, valueBytes } = head
  return { kind: 'entry', storageKey: head.key, createdAt, endsAt, valueBytes, storedBytes }
}
