import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { openedTier, readText, record } from './opened-tier.ts'

describe('PGlite in a folder', () => {
  it('keeps its entries and tags over a restart', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'tierwise-pglite-'))
    try {
      const first = await openedTier({ dataDir })
      expect(first.tier.capabilities).toMatchObject({ shared: false, durable: true })
      await first.tier.set([record('tw:a', 1)])
      await first.tier.tags?.invalidate(['red'], 7)
      await first.tier.close()
      const second = await openedTier({ dataDir })
      expect(await readText(second.tier, 'tw:a')).toBe('text of tw:a')
      expect((await second.tier.tags?.load())?.marks).toEqual(new Map([['red', 7]]))
      await second.tier.close()
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })
})
