import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { isWord, startChild } from '../../tiers/disk/child-process.ts'

const package_ = join(import.meta.dirname, '../../..')
/** Below the package, so that the children find the client. */
const bundles = join(package_, `.cache/redis-coordination-children-${process.pid}`)
let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ dedicated: true })
  await build({
    configFile: false,
    root: package_,
    logLevel: 'error',
    build: {
      ssr: join(import.meta.dirname, 'children/taker.ts'),
      outDir: bundles,
      rollupOptions: { external: ['ioredis', 'iovalkey', 'redis'], output: { entryFileNames: 'taker.mjs' } },
    },
  })
})
afterAll(async () => {
  rmSync(bundles, { recursive: true, force: true })
  await server.stop()
})

function isCount(message: unknown): message is { readonly allowed: number } {
  return typeof message === 'object' && message !== null && 'allowed' in message
}

describe('eight processes on one limiter', () => {
  it.each(['bucket', 'fixed-window', 'sliding-window'])('are allowed exactly the limit: %s', async (kind) => {
    const times = 300
    const children = Array.from({ length: 8 }, () =>
      startChild(join(bundles, 'taker.mjs'), [String(server.port), kind, String(times)]),
    )
    await Promise.all(children.map((child) => child.message(isWord('ready'))))
    for (const child of children) child.process.send('go')
    const counts = await Promise.all(children.map((child) => child.message(isCount)))
    await Promise.all(children.map((child) => child.ended))
    expect(counts.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(1000)
    expect(counts.filter(({ allowed }) => allowed > 0).length, 'several took part').toBeGreaterThan(1)
  })
})
