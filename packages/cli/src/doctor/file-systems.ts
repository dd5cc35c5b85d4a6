/** What is known of a kind of file system, by the number that `statfs` gives (Linux: `linux/magic.h`). */
export interface FileSystem {
  readonly name: string
  /** `network`: other hosts write it. `memory`: gone with the host. `layer`: gone with the container. */
  readonly kind: 'local' | 'network' | 'memory' | 'layer'
}

const known: ReadonlyMap<number, FileSystem> = new Map([
  [0xef53, { name: 'ext4', kind: 'local' }],
  [0x58465342, { name: 'xfs', kind: 'local' }],
  [0x9123683e, { name: 'btrfs', kind: 'local' }],
  [0x2fc12fc1, { name: 'zfs', kind: 'local' }],
  [0xf2f52010, { name: 'f2fs', kind: 'local' }],
  [0x794c7630, { name: 'overlayfs', kind: 'layer' }],
  [0x01021994, { name: 'tmpfs', kind: 'memory' }],
  [0x858458f6, { name: 'ramfs', kind: 'memory' }],
  [0x6969, { name: 'NFS', kind: 'network' }],
  [0xff534d42, { name: 'CIFS', kind: 'network' }],
  [0xfe534d42, { name: 'SMB', kind: 'network' }],
  [0x00c36400, { name: 'CephFS', kind: 'network' }],
  [0x01021997, { name: '9p', kind: 'network' }],
  [0x0bd00bd0, { name: 'Lustre', kind: 'network' }],
])

/** Undefined for a number that is not known, and on other systems, whose numbers mean other things. */
export function fileSystemOf(type: number, platform: NodeJS.Platform = process.platform): FileSystem | undefined {
  // The number is signed on some processors.
  return platform === 'linux' ? known.get(type >>> 0) : undefined
}
