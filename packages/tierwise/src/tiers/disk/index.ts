import { resolve } from 'node:path'

import { parseSize } from '../../base/duration.ts'
import type { CompressionOptions, TierDefinition } from '../../contract/tier.ts'
import { ConfigError } from '../../errors.ts'
import { DiskTier } from './disk-tier.ts'
import type { DiskOptions, Durability } from './options.ts'

export { findDiskDamage } from './disk-damage.ts'
export type { DiskOptions, Durability } from './options.ts'

const durabilities: readonly Durability[] = ['none', 'flush', 'fsync']
const smallestQuota = 1024 * 1024
const defaultCompression: CompressionOptions = { algorithm: 'gzip', threshold: 1024 }
const knownOptions = ['path', 'maxBytes', 'durability', 'compression', 'name']

/**
 * A tier in a folder of this host, on LMDB (the package `lmdb`, which is loaded when the tier opens).
 *
 * It survives restarts and crashes, may be shared by the processes of one host, and stays within its quota.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option
 * @example
 * createCacheManager({ tiers: [memory(), disk({ path: '.cache', maxBytes: '2gb' })] })
 */
export function disk(options: DiskOptions): TierDefinition {
  checkNames(options)
  const name = options.name ?? 'disk'
  if (typeof name !== 'string' || name === '') throw wrongOption('name', name, 'a name')
  const folder = folderOf(options.path)
  const settings = {
    folder,
    maxBytes: quotaOf(options.maxBytes ?? '1gb'),
    durability: durabilityOf(options.durability ?? 'flush'),
  }
  const definition: TierDefinition = { name, identity: folder, create: (context) => new DiskTier(settings, context) }
  const compression = options.compression ?? defaultCompression
  return compression === false ? definition : { ...definition, compression }
}

function checkNames(options: DiskOptions): void {
  if (typeof options !== 'object' || options === null) throw wrongOption('', options, 'an object with a path')
  for (const name of Object.keys(options)) {
    if (!knownOptions.includes(name)) throw wrongOption(name, undefined, `one of ${knownOptions.join(', ')}`)
  }
}

function folderOf(path: unknown): string {
  if (typeof path !== 'string' || path === '') throw wrongOption('path', path, 'the path of a folder')
  return resolve(path)
}

function quotaOf(maxBytes: NonNullable<DiskOptions['maxBytes']>): number {
  const bytes = parseSize(maxBytes)
  if (bytes === undefined || bytes < smallestQuota)
    throw wrongOption('maxBytes', maxBytes, "a size of at least '1mb', such as '512mb' or '2gb'")
  return bytes
}

function durabilityOf(durability: Durability): Durability {
  if (!durabilities.includes(durability))
    throw wrongOption('durability', durability, durabilities.map((each) => `'${each}'`).join(', '))
  return durability
}

function wrongOption(option: string, value: unknown, allowed: string): ConfigError {
  const path = option === '' ? 'disk' : `disk.${option}`
  const found =
    value === undefined && option !== 'path' ? 'is not known' : `is ${JSON.stringify(value) ?? String(value)}`
  return new ConfigError(`The option ${path} ${found}; it must be ${allowed}`, {
    code: 'ERR_CACHE_OPTION',
    operation: 'disk',
  })
}
