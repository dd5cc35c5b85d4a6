import { resolve } from 'node:path'
import { storeNames } from './database.ts'
import { Folder } from './folder.ts'
import { findDamage } from './page-check.ts'

/**
 * What is wrong with the database in the folder of a disk tier; undefined when it is sound, or there is none. Reads every
 * page without opening the database, because LMDB ends a process that opens a damaged one. A process that writes
 * meanwhile can make a sound one look damaged: ask again before believing it.
 */
export async function findDiskDamage(path: string): Promise<string | undefined> {
  const folder = new Folder(resolve(path), 'disk')
  return folder.hasData() ? findDamage(folder.dataFile, storeNames) : undefined
}
