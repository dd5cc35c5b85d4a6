import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { afterAll } from 'vitest'

const package_ = join(import.meta.dirname, '..')

/** A program of a test, and the packages that it finds by itself. */
export interface ProgramOptions {
  readonly folder: string
  readonly name: string
  readonly external: readonly string[]
}

/** Makes plain JavaScript of a program, as Node 20 does not run TypeScript; returns its path, below the package so that it finds its packages. */
export async function bundledProgram({ folder, name, external }: ProgramOptions): Promise<string> {
  const bundles = join(package_, `.cache/programs-${process.pid}`)
  afterAll(() => rmSync(bundles, { recursive: true, force: true }))
  await build({
    configFile: false,
    root: package_,
    logLevel: 'error',
    build: {
      ssr: join(folder, `${name}.ts`),
      outDir: bundles,
      emptyOutDir: false,
      rollupOptions: { external: [...external], output: { entryFileNames: `${name}.mjs` } },
    },
  })
  return join(bundles, `${name}.mjs`)
}
