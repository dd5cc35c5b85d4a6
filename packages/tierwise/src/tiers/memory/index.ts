import { parseSize } from '../../base/duration.ts'
import type { Size } from '../../contract/options.ts'
import type { TierDefinition } from '../../contract/tier.ts'
import { ConfigError } from '../../errors.ts'
import { MemoryTier } from './memory-tier.ts'

export interface MemoryOptions {
  /** Budget for keys, values and overhead, estimated. @default '100mb' */
  readonly maxBytes?: Size
  /** Entries held at once. @default unlimited */
  readonly maxEntries?: number
  /** @default 'memory' */
  readonly name?: string
}

const defaultBytes = 100 * 1024 ** 2

/**
 * A tier in the memory of this process: the first of a chain. It keeps the values themselves, evicts by use and recency,
 * and costs next to nothing while it is empty.
 *
 * @throws ConfigError ERR_CACHE_OPTION when a limit is not a positive amount.
 */
export function memory(options: MemoryOptions = {}): TierDefinition {
  const limits = { maxBytes: readBytes(options.maxBytes), maxEntries: readEntries(options.maxEntries) }
  return { name: options.name ?? 'memory', create: (context) => new MemoryTier(limits, context) }
}

function readBytes(size: Size | undefined): number {
  if (size === undefined) return defaultBytes
  const bytes = parseSize(size)
  if (bytes === undefined) throw wrongOption('maxBytes', size, "a positive number of bytes or a size such as '100mb'")
  return bytes
}

function readEntries(count: number | undefined): number {
  if (count === undefined) return Infinity
  if (!Number.isSafeInteger(count) || count < 1) throw wrongOption('maxEntries', count, 'a whole number from 1')
  return count
}

function wrongOption(name: string, value: unknown, wanted: string): ConfigError {
  return new ConfigError(`Option "${name}" of memory() must be ${wanted}, not ${JSON.stringify(value)}.`, {
    code: 'ERR_CACHE_OPTION',
  })
}
