import { positiveInteger, readOptions, size, text } from '../../base/option-reader.ts'
import type { Size } from '../../contract/options.ts'
import type { TierDefinition } from '../../contract/tier.ts'
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

const optionTable = { maxBytes: size, maxEntries: positiveInteger, name: text }

/**
 * A tier in the memory of this process: the first of a chain. It keeps the values themselves, evicts by use and recency,
 * and costs next to nothing while it is empty.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option
 */
export function memory(options: MemoryOptions = {}): TierDefinition {
  const {
    maxBytes = defaultBytes,
    maxEntries = Infinity,
    name = 'memory',
  } = readOptions(options, 'memory', optionTable)
  return { name, create: (context) => new MemoryTier({ maxBytes, maxEntries }, context) }
}
