import { resolve } from 'node:path'
import { describe, expect, it, vi } from 'vitest'

import { ConfigError, TierError } from '../../../src/errors.ts'
import { disk, type DiskOptions } from '../../../src/tiers/disk/index.ts'
import { createdTier } from './opened-tier.ts'
import { scratchFolder } from './scratch-folder.ts'

describe('disk options', () => {
  it('describes the tier without touching the folder', () => {
    expect(disk({ path: 'some/folder' })).toMatchObject({
      name: 'disk',
      identity: resolve('some/folder'),
      compression: { algorithm: 'gzip', threshold: 1024 },
    })
  })

  it('takes another name and other compression', () => {
    const compression = { algorithm: 'brotli', threshold: 10 } as const
    expect(disk({ path: 'a', name: 'ssd', compression })).toMatchObject({ name: 'ssd', compression })
    expect(disk({ path: 'a', compression: false })).not.toHaveProperty('compression')
  })

  it.each([
    [{ path: '' }, 'disk.path', '""'],
    [{}, 'disk.path', 'folder'],
    [{ path: 'a', maxBytes: '10kb' }, 'disk.maxBytes', '"10kb"'],
    [{ path: 'a', maxBytes: -1 }, 'disk.maxBytes', '-1'],
    [{ path: 'a', maxBytes: '1tb' }, 'disk.maxBytes', '1mb'],
    [{ path: 'a', durability: 'sync' }, 'disk.durability', "'none', 'flush', 'fsync'"],
    [{ path: 'a', name: '' }, 'disk.name', 'a name'],
    [{ path: 'a', maxSize: 1 }, 'disk.maxSize', 'path, maxBytes, durability, compression, name'],
  ])('refuses %j and names what is wrong', (options, option, detail) => {
    const refused = (): unknown => disk(options as DiskOptions)
    expect(refused).toThrow(ConfigError)
    expect(refused).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining(option) }),
    )
    expect(refused).toThrow(detail)
  })

  it('names the command to install lmdb when it is missing', async () => {
    vi.doMock('lmdb', () => {
      throw new Error('Cannot find package')
    })
    const { tier } = createdTier({ path: scratchFolder() })
    await expect(tier.open()).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_PEER_MISSING', message: expect.stringContaining('npm install lmdb') }),
    )
    vi.doUnmock('lmdb')
  })

  it('refuses to work before it is opened', async () => {
    const { tier } = createdTier({ path: 'never-created' })
    await expect(tier.get(['a'], () => 1)).rejects.toThrow(TierError)
    await expect(tier.set([])).rejects.toThrow(expect.objectContaining({ code: 'ERR_CACHE_TIER_CLOSED' }))
    await expect(tier.tags?.load()).rejects.toThrow(expect.objectContaining({ code: 'ERR_CACHE_TIER_CLOSED' }))
  })
})
