import type { CompressionOptions } from '../../contract/tier.ts'
import type { Size } from '../../contract/options.ts'

/**
 * When a write counts as done. `none`: at once, from a bounded queue that a crash of the process loses. `flush`: when it
 * survives a crash of the process. `fsync`: when it survives a crash of the machine. Deletions, clears and tag
 * invalidations are at least `flush`, whatever the durability.
 */
export type Durability = 'none' | 'flush' | 'fsync'

export interface DiskOptions {
  /** Folder of the cache; created when absent. Processes of one host may share it; never put it on a network file system. */
  readonly path: string
  /** Disk space of the live records; the file itself can be up to about twice as large. At least 1 MiB. @default '1gb' */
  readonly maxBytes?: Size
  /** @default 'flush' */
  readonly durability?: Durability
  /** @default gzip from 1024 bytes on */
  readonly compression?: CompressionOptions | false
  /** Name in the chain, in events and in statistics. @default 'disk' */
  readonly name?: string
}
