import { join } from 'node:path'
import * as vitest from 'vitest'

import { tierConformance } from '../../../src/testing/tier-conformance.ts'
import { disk, type Durability } from '../../../src/tiers/disk/index.ts'
import { scratchFolder } from './scratch-folder.ts'

const root = scratchFolder()
let folders = 0
for (const durability of ['none', 'flush', 'fsync'] satisfies Durability[]) {
  tierConformance({
    name: `disk with durability ${durability}`,
    definition: () => disk({ path: join(root, String(folders++)), durability }),
    runner: vitest,
    loneSurrogates: true,
  })
}
