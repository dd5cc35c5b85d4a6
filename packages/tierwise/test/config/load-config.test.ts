import { describe, expect, test } from 'vitest'
import { createCacheManagerFromConfig, loadConfig, printConfig } from '../../src/config/index.ts'
import { folderWith } from './config-files.ts'

const yaml = `prefix: shop
tiers:
  memory:
    maxBytes: 10mb
  disk:
    path: \${CACHE_FOLDER:-.cache}
defaults:
  ttl: 1m
namespaces:
  prices:
    ttl: 10s
    maxTtl: \${CAP}
profiles:
  development:
    tiers:
      disk: false
  production:
    defaults:
      ttl: 1h
`

describe('a configuration in YAML', () => {
  test('becomes a manager that stores and answers', async () => {
    const cwd = folderWith({ 'tierwise.config.yaml': yaml })
    const manager = await createCacheManagerFromConfig({ cwd, profile: 'development', env: { CAP: '30s' } })
    const prices = manager.namespace<number>('prices')
    await prices.set('gold', 2400)
    expect(await prices.get('gold')).toBe(2400)
    expect(await prices.ttl('gold')).toBeLessThanOrEqual(10_000)
    await manager.stop()
  })

  test('is resolved for its profile', async () => {
    const cwd = folderWith({ 'tierwise.config.yaml': yaml })
    const loaded = await loadConfig({ cwd, profile: 'production', env: { CAP: '30s' } })
    expect(loaded).toMatchObject({ profile: 'production', profiles: ['development', 'production'], notices: [] })
    expect(loaded.config.defaults).toEqual({ ttl: '1h' })
    expect(printConfig(loaded)).toBe(`# profile: production
prefix: shop
chain:
  - memory
  - disk
defaults:
  ttl: 1h
tiers:
  memory:
    type: memory
    maxBytes: 10mb
  disk:
    type: disk
    path: .cache
namespaces:
  prices:
    ttl: 10s
    maxTtl: \${CAP}
`)
  })
})
