import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { startChild } from '../disk/child-process.ts'
import type { Attempt } from './children/writer.ts'
import { numbered, openedTier, portsTo, readTexts } from './opened-tier.ts'

const seed = Number(process.env['SEED'] ?? 20_261_121)
const package_ = join(import.meta.dirname, '../../..')
/** Below the package, so that the children find the client. */
const bundles = join(package_, `.cache/redis-children-${process.pid}`)
let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ dedicated: true })
  await build({
    configFile: false,
    root: package_,
    logLevel: 'error',
    build: {
      ssr: join(import.meta.dirname, 'children/writer.ts'),
      outDir: bundles,
      rollupOptions: { external: ['ioredis', 'iovalkey', 'redis'], output: { entryFileNames: 'writer.mjs' } },
    },
  })
})
afterAll(async () => {
  rmSync(bundles, { recursive: true, force: true })
  await server.stop()
})

function isList(message: unknown): message is readonly Attempt[] {
  return Array.isArray(message)
}

describe('processes that write the same keys', () => {
  it('end with the newest write or deletion of each key, however they overtake each other', async () => {
    const count = 3
    const children = Array.from({ length: count }, (_, index) =>
      startChild(join(bundles, 'writer.mjs'), [server.port, index, count, seed].map(String)),
    )
    const attempts = (await Promise.all(children.map((child) => child.message(isList)))).flat()
    await Promise.all(children.map((child) => child.ended))
    const keys = numbered('tw:1:p:', 30)
    const expected = keys.map((key) => {
      const own = attempts.filter((attempt) => attempt.key === key).toSorted((a, b) => b.version - a.version)
      const [newest] = own
      return newest === undefined || newest.isDeletion ? undefined : `${newest.version % count}:${newest.version}`
    })
    const { tier } = await openedTier({ ports: () => portsTo(server) })
    expect(await readTexts(tier, keys), `seed ${seed}`).toEqual(expected)
    expect(expected.filter((text) => text !== undefined).length).toBeGreaterThan(10)
    await tier.close()
  })
})
