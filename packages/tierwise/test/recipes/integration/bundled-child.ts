import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { afterAll } from 'vitest'

const package_ = join(import.meta.dirname, '../../..')
/** Below the package, so that the children find the client. */
const bundles = join(package_, `.cache/recipe-children-${process.pid}`)

/** Makes plain JavaScript of a program in `children`, as Node 20 does not run TypeScript; returns its path. */
export async function bundledChild(name: string): Promise<string> {
  afterAll(() => rmSync(bundles, { recursive: true, force: true }))
  await build({
    configFile: false,
    root: package_,
    logLevel: 'error',
    build: {
      ssr: join(import.meta.dirname, 'children', `${name}.ts`),
      outDir: bundles,
      emptyOutDir: false,
      rollupOptions: { external: ['ioredis', 'iovalkey', 'redis'], output: { entryFileNames: `${name}.mjs` } },
    },
  })
  return join(bundles, `${name}.mjs`)
}
