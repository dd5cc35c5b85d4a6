import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { postgresCoordination } from '../../../src/coordination/postgres/index.ts'
import { serverUrl } from '../../clients/postgres/server.ts'
import { isWord, startChild } from '../../tiers/disk/child-process.ts'
import type { Got } from './racing.ts'

const package_ = join(import.meta.dirname, '../../..')
/** Below the package, so that the children find the clients. */
const bundles = join(package_, `.cache/postgres-coordination-children-${process.pid}`)
let url: string
beforeAll(async () => {
  url = await serverUrl()
  await build({
    configFile: false,
    root: package_,
    logLevel: 'error',
    build: {
      ssr: join(import.meta.dirname, 'children/racer.ts'),
      outDir: bundles,
      rollupOptions: { external: ['pg', 'postgres'], output: { entryFileNames: 'racer.mjs' } },
    },
  })
})
afterAll(() => rmSync(bundles, { recursive: true, force: true }))

function isResult(message: unknown): message is { readonly got: Got } {
  return typeof message === 'object' && message !== null && 'got' in message
}

describe('eight processes', () => {
  it.each(['pg', 'postgres'])(
    'make the tables once, and get exactly what there is: %s',
    async (client) => {
      const [table, times] = [`race_${client}`, 70]
      const children = Array.from({ length: 8 }, () =>
        startChild(join(bundles, 'racer.mjs'), [url, table, client, String(times)]),
      )
      await Promise.all(children.map((child) => child.message(isWord('ready'))))
      for (const child of children) child.process.send('go')
      const results = await Promise.all(children.map((child) => child.message(isResult)))
      await Promise.all(children.map((child) => child.ended))
      const total = (what: keyof Got): number => results.reduce((sum, { got }) => sum + got[what], 0)
      for (const kind of ['bucket', 'fixed-window', 'sliding-window'] as const) expect(total(kind), kind).toBe(500)
      expect(total('nonces'), 'each once as a key and once as a member').toBe(2 * times)
      expect(total('tenures')).toBe(times)
      expect(results.filter(({ got }) => got.bucket > 0).length, 'several took part').toBeGreaterThan(1)
      const store = postgresCoordination({ url, table })
      expect(await store.read('sum')).toMatchObject({ value: String(8 * times) })
      await store.close()
    },
    60_000,
  )
})
